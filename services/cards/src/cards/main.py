"""Cards' API process: everything it needs is made here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from common.kernel import Kernel
from common.kernel_service import create_kernel_service
from common.observability import configure_logging
from common.service import run_service
from fastapi import FastAPI

from cards.admin_routes import router as admin_router
from cards.cards.read_model import all_cards_of, card_by_id
from cards.cards.routes import Cards, router
from cards.counters.routes import Counters
from cards.counters.routes import router as counters_router
from cards.declaration import DECLARATION
from cards.history_routes import router as history_router
from cards.personal_data import held_about
from cards.public_routes import router as public_router
from cards.qr_routes import router as qr_router
from cards.settings import CardsSettings
from cards.visits import counting


def create_app(settings: CardsSettings | None = None, kernel: Kernel | None = None) -> FastAPI:
    """The application."""
    settings = settings or CardsSettings.load()

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        async def owner_of(card_id: UUID, reader: UUID | None) -> UUID | None:
            row = await card_by_id(opened.database, card_id)
            return row.owner_id if row and row.is_shown_to(reader) else None

        async def cards_of_owner(owner: UUID) -> list[UUID]:
            rows = await all_cards_of(opened.database, owner)
            return [row.card_id for row in rows if row.deleted_at is None]

        app.state.cards = Cards(opened, settings.public_url)
        app.state.demo_card = settings.demo_card
        async with counting(opened, app.state.clock) as visits:
            app.state.counters = Counters(opened.database, owner_of, visits.note, cards_of_owner)
            yield

    return create_kernel_service(
        DECLARATION,
        settings=settings,
        routers=[
            router,
            history_router,
            admin_router,
            counters_router,
            qr_router,
            public_router,
        ],
        resources=resources,
        kernel=kernel,
        personal_data=held_about,
    )


def main() -> None:
    """`python -m cards.main`."""
    settings = CardsSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
