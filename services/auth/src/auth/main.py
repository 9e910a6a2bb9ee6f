"""Auth's API process: everything it needs is made here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.kernel import Kernel
from common.kernel_service import create_kernel_service
from common.object_storage import storage_for
from common.observability import configure_logging, supervise
from common.personal_data_export import PersonalDataHolders
from common.service import run_service
from fastapi import FastAPI

from auth import (
    activity_routes,
    admin_routes,
    avatar_routes,
    email_routes,
    entry_routes,
    export_routes,
    password_routes,
    profile_routes,
)
from auth.accounts import routes as account_routes
from auth.avatars import LARGEST_FILE, Avatars
from auth.declaration import DECLARATION
from auth.link_tokens import LinkTokens
from auth.passwords import Passwords
from auth.personal_data_export import Exporter
from auth.resources import Auth
from auth.sessions import routes as session_routes
from auth.settings import AuthSettings
from auth.signing_keys import SigningKeys
from auth.throttling import Throttle

ROUTERS = (
    entry_routes.router,
    account_routes.router,
    password_routes.router,
    email_routes.router,
    session_routes.router,
    profile_routes.router,
    avatar_routes.router,
    activity_routes.router,
    admin_routes.router,
    export_routes.router,
)


def create_app(
    settings: AuthSettings | None = None,
    kernel: Kernel | None = None,
    holders: PersonalDataHolders | None = None,
) -> FastAPI:
    """The application. `holders` are the services that hold personal data, when they run in this
    process; else they are asked at the addresses of the setting `feeds`."""
    settings = settings or AuthSettings.load()
    secret = settings.internal_secret.get_secret_value()
    holders = holders or PersonalDataHolders(secret, settings.feeds)

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        passwords = Passwords()
        keys = SigningKeys(opened.database, opened.store.keys, app.state.clock)
        await keys.refresh()
        app.state.auth = _parts(opened, passwords, keys, settings)
        app.state.exporter = Exporter(opened.database, holders)
        app.state.avatars = avatars = Avatars(storage_for(settings))
        fresh = asyncio.create_task(supervise("auth signing keys", keys.keep_fresh))
        try:
            yield
        finally:
            fresh.cancel()
            await asyncio.gather(fresh, return_exceptions=True)
            passwords.close()
            avatars.close()

    return create_kernel_service(
        DECLARATION,
        settings=settings,
        routers=ROUTERS,
        resources=resources,
        kernel=kernel,
        max_body=LARGEST_FILE + avatar_routes.FORM_OVERHEAD,
    )


def _parts(kernel: Kernel, passwords: Passwords, keys: SigningKeys, settings: AuthSettings) -> Auth:
    data_key = settings.data_key_bytes
    links, throttle = LinkTokens(data_key), Throttle(kernel.database, data_key)
    return Auth(kernel, passwords, keys, settings, links, throttle)


def main() -> None:
    """`python -m auth.main`."""
    settings = AuthSettings.load()
    configure_logging(level=settings.log_level)
    run_service(lambda: create_app(settings), settings)


if __name__ == "__main__":
    main()
