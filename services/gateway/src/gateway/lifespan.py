"""What runs as long as the gateway does: ASGI's lifespan, without a framework."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog
from common.observability import supervise

from gateway.answers import Application, Receive, Scope, Send

Life = Callable[[], AbstractAsyncContextManager[None]]

log = structlog.get_logger(__name__)


def with_lifespan(app: Application, life: Life) -> Application:
    """The application, within `life` from the server's start to its end."""

    async def living(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(life, receive, send)

    return living


@asynccontextmanager
async def running(name: str, run: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Keep a loop running meanwhile."""
    task = asyncio.create_task(supervise(name, run), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _live(life: Life, receive: Receive, send: Send) -> None:
    await receive()
    stage = "startup"
    try:
        async with life():
            await send({"type": "lifespan.startup.complete"})
            await receive()
            stage = "shutdown"
    except Exception as error:
        log.exception("lifespan_failed", stage=stage)
        await send({"type": f"lifespan.{stage}.failed", "message": type(error).__name__})
    else:
        await send({"type": "lifespan.shutdown.complete"})
