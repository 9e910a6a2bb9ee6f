"""Cards' API process: everything it needs is made here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from common.kernel import Kernel, KernelDeclaration
from common.kernel_service import create_kernel_service
from common.observability import configure_logging
from common.service import run_service
from fastapi import FastAPI

from cards.cards.events import CardEvent
from cards.cards.read_model import CARDS
from cards.cards.routes import Cards, router
from cards.public_routes import router as public_router
from cards.published_events import publish
from cards.settings import CardsSettings

DECLARATION = KernelDeclaration(
    source="cards",
    events=(CardEvent,),
    projections=(CARDS,),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
)


def create_app(settings: CardsSettings | None = None, kernel: Kernel | None = None) -> FastAPI:
    """The application."""
    settings = settings or CardsSettings.load()

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        app.state.cards = Cards(opened, settings.public_url)
        yield

    return create_kernel_service(
        DECLARATION,
        settings=settings,
        routers=[router, public_router],
        resources=resources,
        kernel=kernel,
    )


def main() -> None:
    """`python -m cards.main`."""
    settings = CardsSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
