"""Auth's API process: everything it needs is made here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from common.kernel import Kernel, KernelDeclaration
from common.kernel_service import create_kernel_service
from common.observability import configure_logging
from common.service import run_service
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


def create_app(settings: AuthSettings | None = None, kernel: Kernel | None = None) -> FastAPI:
    """The application."""
    settings = settings or AuthSettings.load()

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        passwords = Passwords()
        now = app.state.clock.now()
        keys = await signing_keys(opened.database, opened.store.keys, now)
        app.state.accounts = Accounts(opened, passwords, keys, settings)
        try:
            yield
        finally:
            passwords.close()

    return create_kernel_service(
        DECLARATION, settings=settings, routers=[router], resources=resources, kernel=kernel
    )


def main() -> None:
    """`python -m auth.main`."""
    settings = AuthSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
