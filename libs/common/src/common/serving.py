"""The HTTP server around an ASGI application: ends gently, and tells its load balancer first."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from common.garbage import settle
from common.paired_writes import PairingProtocol
from common.settings import ServiceSettings, StartRefused

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
"""Longer than clients and load balancers keep an idle connection: where the server closes first, a
request that is on its way just then is lost."""
LOOK_SECONDS = 0.05
"""How long a start may go on after a signal; uvicorn offers no event for one."""


def serve(app: Any, settings: ServiceSettings, *, on_drain: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then return: a stop that was asked for is no failure.

    `on_drain` is called first; `drain_seconds` later the listening socket closes, and requests
    under way get ten seconds more.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        lifespan="on",
        http=PairingProtocol,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    settle()
    server = GentleServer(config, on_drain, settings.drain_seconds)
    server.run()
    if not server.started and not server.should_exit:
        # the lifespan has said why; whoever started the process must not take it for a success
        raise SystemExit(1)


@asynccontextmanager
async def served_beside(app: Any, host: str, port: int) -> AsyncIterator[None]:
    """Another application of this process at a port of its own meanwhile."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        http="httptools",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _ServerBeside(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


class _ServerBeside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone: they are for the process, whose end ends this server."""
        yield


class _Life(LifespanOn):
    """An application's start and end. A start may wait long for its database: who is told to end
    ends it; and it may be refused, which takes a line and no traceback."""

    def __init__(self, config: uvicorn.Config, told_to_end: Callable[[], bool]) -> None:
        super().__init__(config)
        self._told_to_end = told_to_end
        self.refusal: StartRefused | None = None

    async def startup(self) -> None:
        """Return when the application is ready, has failed, or need not start any more."""
        self._running = running = asyncio.create_task(self.main())
        await self.receive_queue.put({"type": "lifespan.startup"})
        ready = asyncio.create_task(self.startup_event.wait())
        while not ready.done() and not self._told_to_end():
            await asyncio.wait({ready}, timeout=LOOK_SECONDS)
        if not ready.done():
            running.cancel()
            await asyncio.wait({running, ready})
        self.should_exit = self.startup_failed or self.error_occurred

    async def send(self, message: LifespanSendMessage) -> None:
        """Hear how it went; of a failed start the application sends its traceback along."""
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed":
            if isinstance(error, StartRefused):
                self.refusal = error
            if isinstance(error, StartRefused | asyncio.CancelledError):
                message = {"type": "lifespan.startup.failed", "message": ""}
        await super().send(message)


class GentleServer(uvicorn.Server):
    """Calls `on_drain` when asked to end, then serves on for `drain_seconds`; see `serve`."""

    def __init__(
        self, config: uvicorn.Config, on_drain: Callable[[], None], drain_seconds: float
    ) -> None:
        super().__init__(config)
        self._on_drain = on_drain
        self._drain_seconds = drain_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, unless told to end meanwhile. Raises `StartRefused` as the application does."""
        self.lifespan = life = _Life(self.config, lambda: self.should_exit)
        try:
            await super().startup(sockets)
        except SystemExit:
            if life.refusal is not None:
                raise life.refusal from None
            if not self.should_exit:
                raise

    async def main_loop(self) -> None:
        """Serve until asked to end, and for the drain's time after."""
        await super().main_loop()
        self._on_drain()
        clock = asyncio.get_running_loop().time
        end = clock() + self._drain_seconds
        while clock() < end and not self.force_exit:  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.05)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask for the end; a second Ctrl-C hurries. Unlike its parent it does not raise the signal
        again after the work is done, so the process ends with 0."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
