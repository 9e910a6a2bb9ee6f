"""Auth's API process: everything it needs is made here."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from common.feed import feed_router
from common.kernel import Kernel, KernelDeclaration, open_kernel
from common.observability import configure_logging
from common.service import create_service, run_service
from fastapi import FastAPI

from auth.accounts.events import AccountEvent
from auth.accounts.read_model import ACCOUNTS
from auth.accounts.routes import Accounts, router
from auth.passwords import Passwords
from auth.published_events import publish
from auth.settings import AuthSettings
from auth.signing_keys import signing_keys

DECLARATION = KernelDeclaration(
    source="auth",
    events=(AccountEvent,),
    projections=(ACCOUNTS,),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
)


def open_auth(settings: AuthSettings) -> AbstractAsyncContextManager[Kernel]:
    """Auth's log, database and commands."""
    return open_kernel(
        DECLARATION,
        dsn=settings.database_url,
        data_key=settings.data_key_bytes,
        wire_key=settings.wire_key_bytes,
        pool_size=settings.pool_size,
    )


def create_app(settings: AuthSettings | None = None, kernel: Kernel | None = None) -> FastAPI:
    """The application; in an embedded run the kernel is shared with the worker."""
    settings = settings or AuthSettings.load()
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
                opened = await stack.enter_async_context(open_auth(settings))
            passwords = Passwords()
            stack.callback(passwords.close)
            now = app.state.clock.now()
            keys = await signing_keys(opened.database, opened.store.keys, now)
            app.state.accounts = Accounts(opened, passwords, keys, settings)
            running.append(opened)
            yield

    return create_service(
        name="auth",
        settings=settings,
        routers=[router, feed_router(feed, settings.internal_secret.get_secret_value())],
        lifespan=lifespan,
        readiness={"database": database_answers},
    )


def main() -> None:
    """`python -m auth.main`."""
    settings = AuthSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
