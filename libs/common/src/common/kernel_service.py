"""An HTTP service that stands on a kernel: opened with it, ready when its database answers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI

from common.feed import feed_router
from common.kernel import Kernel, KernelDeclaration, open_kernel
from common.service import create_service
from common.settings import ServiceSettings

Resources = Callable[[FastAPI, Kernel], AbstractAsyncContextManager[None]]
"""Opens what the routes need beside the kernel and puts it on `app.state`."""


def open_kernel_of(
    declaration: KernelDeclaration, settings: ServiceSettings
) -> AbstractAsyncContextManager[Kernel]:
    """The service's log, database and commands, as its settings say."""
    return open_kernel(
        declaration,
        dsn=settings.database_url,
        data_key=settings.data_key_bytes,
        wire_key=settings.wire_key_bytes,
        pool_size=settings.pool_size,
    )


def create_kernel_service(
    declaration: KernelDeclaration,
    *,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    resources: Resources,
    kernel: Kernel | None = None,
) -> FastAPI:
    """The application; in an embedded run the kernel is handed in, since the worker shares it."""
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
                opened = await stack.enter_async_context(open_kernel_of(declaration, settings))
            await stack.enter_async_context(resources(app, opened))
            running.append(opened)
            yield

    return create_service(
        name=declaration.source,
        settings=settings,
        routers=[*routers, feed_router(feed, settings.internal_secret.get_secret_value())],
        lifespan=lifespan,
        readiness={"database": database_answers},
    )
