"""An HTTP service that stands on a kernel: opened with it, ready when its database answers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI

from common import backup_routes
from common.feed import Progress, StreamVersion
from common.feed_route import feed_router
from common.kernel import Kernel, KernelDeclaration, open_kernel_of
from common.personal_data_export import personal_data_router
from common.request_context import MAX_BODY
from common.service import create_service
from common.settings import ServiceSettings

HeldBy = Callable[[Kernel, UUID], Awaitable[Mapping[str, Any]]]
"""Tells all that the service holds about a person, for their export."""

Resources = Callable[[FastAPI, Kernel], AbstractAsyncContextManager[None]]
"""Opens what the routes need beside the kernel and puts it on `app.state`."""


def create_kernel_service(
    declaration: KernelDeclaration,
    *,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    resources: Resources,
    kernel: Kernel | None = None,
    max_body: int = MAX_BODY,
    personal_data: HeldBy | None = None,
) -> FastAPI:
    """The application; in an embedded run the kernel is handed in, since the worker shares it.
    `personal_data` is what the service holds about a person, where another gathers it."""
    running: list[Kernel] = []

    async def database_answers() -> bool:
        return bool(running) and await running[0].database.answers()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = kernel
            if opened is None:
                opened = await stack.enter_async_context(open_kernel_of(declaration, settings))
            await stack.enter_async_context(resources(app, opened))
            running.append(opened)
            stack.push_async_callback(app.state.backups.stop)
            yield

    secret = settings.internal_secret.get_secret_value()
    app = create_service(
        name=declaration.source,
        settings=settings,
        routers=[*routers, *_internal(running, secret, personal_data), backup_routes.router],
        lifespan=lifespan,
        readiness={"database": database_answers},
        max_body=max_body,
    )
    app.record = declaration.openapi
    backup_routes.install_backups(app, declaration, settings)
    return app


def _internal(
    running: Sequence[Kernel], secret: str, personal_data: HeldBy | None
) -> list[APIRouter]:
    """What other services may ask; `running` holds the kernel once it is open."""

    class Own:
        """The kernel's feed, which is there once the service runs."""

        async def __call__(self, stream: str, after: int) -> Sequence[bytes]:
            return await running[0].feed(stream, after)

        async def streams(self, after: str) -> Sequence[StreamVersion]:
            return await running[0].feed.streams(after)

        async def progress(self) -> Progress:
            return await running[0].feed.progress()

    async def held(account_id: UUID) -> Mapping[str, Any]:
        assert personal_data is not None
        return await personal_data(running[0], account_id)

    routers = [feed_router(Own(), secret)]
    return routers if personal_data is None else [*routers, personal_data_router(held, secret)]
