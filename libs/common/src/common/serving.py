"""The HTTP server around an ASGI application: ends gently, and tells its load balancer first."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn

from common.garbage import settle
from common.settings import ServiceSettings

GRACE_SECONDS = 10


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
        http="httptools",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    settle()
    GentleServer(config, on_drain, settings.drain_seconds).run()


class GentleServer(uvicorn.Server):
    """Calls `on_drain` when asked to end, then serves on for `drain_seconds`; see `serve`."""

    def __init__(
        self, config: uvicorn.Config, on_drain: Callable[[], None], drain_seconds: float
    ) -> None:
        super().__init__(config)
        self._on_drain = on_drain
        self._drain_seconds = drain_seconds

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
