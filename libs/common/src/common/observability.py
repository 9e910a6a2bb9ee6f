"""Logs set up once, and loops that are started again when they die."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TextIO

import structlog
from prometheus_client import Counter, Gauge

RESTARTS = Counter("cartulary_task_restarts_total", "Background loops started again", ["task"])
RUNNING = Gauge("cartulary_task_running", "1 while a background loop runs", ["task"])

SECRET_WORDS = ("password", "token", "secret", "authorization", "cookie", "email", "phone", "key")
log = structlog.get_logger(__name__)


def configure_logging(*, level: str, json: bool | None = None, file: TextIO | None = None) -> None:
    """JSON lines to stdout (or `file`), or something readable when a person watches a terminal."""
    out = file or sys.stdout
    as_json = not out.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    renderer: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(pad_event_to=0)]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    # libraries log for programmers; what they warn of is worth a line of ours
    logging.basicConfig(level=logging.WARNING, stream=out, force=True, format="%(message)s")


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what should never have been handed to a logger."""
    for name in event:
        if name != "event" and any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "[hidden]"
    return event


async def supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop running until cancelled: start it again, after a growing pause, when it dies."""
    pause = 0.1
    while True:
        started = asyncio.get_running_loop().time()
        RUNNING.labels(name).set(1)
        try:
            await run()
        except Exception:
            log.exception("task_died", task=name)
        finally:
            RUNNING.labels(name).set(0)
        RESTARTS.labels(name).inc()
        lived = asyncio.get_running_loop().time() - started
        pause = 0.1 if lived > 30 else min(pause * 2, 10)
        await asyncio.sleep(pause)
