"""Logs set up once, and loops that are started again when they die."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from json import dumps
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import Counter, Gauge

from common.cancelling import told_to_end
from common.reporting import report_error

RESTARTS = Counter("cartulary_task_restarts_total", "Background loops started again", ["task"])
RUNNING = Gauge("cartulary_task_running", "1 while a background loop runs", ["task"])

HIDDEN = "[hidden]"
SECRET_WORDS = ("password", "token", "secret", "authorization", "cookie", "email", "phone")
PRIVATE_NAMES = frozenset(
    {"name", "username", "first_name", "last_name", "full_name", "company", "address", "birthday"}
    | {"data_key", "wire_key", "api_key", "private_key"}
)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 30.0
log = structlog.get_logger(__name__)


def configure_logging(*, level: str, json: bool | None = None, file: TextIO | None = None) -> None:
    """JSON lines to stdout (or `file`), or something readable when a person watches a terminal.

    What libraries log comes out in the same form, from warnings upwards.
    """
    out = file or sys.stdout
    as_json = not out.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        report_error,
    ]
    rendering: list[Any] = [redact]
    if as_json:
        rendering += [structlog.processors.format_exc_info, _as_json]
    else:
        # the plain traceback: a rich one prints the variables too, and they may be personal
        plain = structlog.dev.plain_traceback
        rendering.append(structlog.dev.ConsoleRenderer(pad_event_to=0, exception_formatter=plain))
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    # libraries log for programmers; what they warn of is worth a line of ours
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what should never have been handed to a logger, also inside of mappings."""
    for name, value in event.items():
        if _is_private(name):
            event[name] = HIDDEN
        elif isinstance(value, dict):
            event[name] = redact(_, __, dict(value))
    return event


async def supervise(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep a loop running until cancelled: start it again, after a growing pause, when it dies."""
    clock = asyncio.get_running_loop().time
    pause = FIRST_PAUSE
    while True:
        started = clock()
        RUNNING.labels(name).set(1)
        try:
            await run()
            log.warning("task_ended", task=name)
        except Exception as error:
            if told_to_end():
                raise asyncio.CancelledError from error
            log.exception("task_died", task=name)
        finally:
            RUNNING.labels(name).set(0)
        RESTARTS.labels(name).inc()
        pause = FIRST_PAUSE if clock() - started > STEADY_SECONDS else pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


@lru_cache(maxsize=1024)
def _is_private(name: object) -> bool:
    """Asked for every field of every line, and the names are few."""
    text = str(name).lower()
    return text in PRIVATE_NAMES or any(word in text for word in SECRET_WORDS)


def _as_json(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # a lone surrogate or a number beyond 64 bits: slower, but no line is lost
        return dumps(event, default=repr)
