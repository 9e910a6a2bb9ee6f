"""Cards' API process: everything it needs is made here."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from common.feed import feed_router
from common.kernel import Kernel, KernelDeclaration, open_kernel
from common.observability import configure_logging
from common.service import create_service, run_service
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


def open_cards(settings: CardsSettings) -> AbstractAsyncContextManager[Kernel]:
    """Cards' log, database and commands."""
    return open_kernel(
        DECLARATION,
        dsn=settings.database_url,
        data_key=settings.data_key_bytes,
        wire_key=settings.wire_key_bytes,
        pool_size=settings.pool_size,
    )


def create_app(settings: CardsSettings | None = None, kernel: Kernel | None = None) -> FastAPI:
    """The application; in an embedded run the kernel is shared with the worker."""
    settings = settings or CardsSettings.load()
    running: list[Kernel] = []

    async def database_answers() -> bool:
        return bool(running) and await running[0].database.answers()

    async def feed(stream: str, after: int) -> list[bytes]:
        return await running[0].feed(stream, after)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = kernel
            if opened is None:
                opened = await stack.enter_async_context(open_cards(settings))
            app.state.cards = Cards(opened, settings.public_url)
            running.append(opened)
            yield

    secret = settings.internal_secret.get_secret_value()
    return create_service(
        name="cards",
        settings=settings,
        routers=[router, public_router, feed_router(feed, secret)],
        lifespan=lifespan,
        readiness={"database": database_answers},
    )


def main() -> None:
    """`python -m cards.main`."""
    settings = CardsSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
