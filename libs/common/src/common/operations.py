"""What operators' machines read of every process: `/livez`, `/readyz` and `/metrics`.

An API has them among its routes; a worker, which serves nobody else and so needs no framework, at a
port of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.serving import served_beside
from common.settings import ServiceSettings

Check = Callable[[], Awaitable[bool]]

CHECK_SECONDS = 2.0
JSON = "application/json"

log = structlog.get_logger(__name__)


async def missing_parts(readiness: Mapping[str, Check]) -> list[str]:
    """The names of the parts that are not ready."""
    answers = await asyncio.gather(*(_holds(*part) for part in readiness.items()))
    return [name for name, well in zip(readiness, answers, strict=True) if not well]


@asynccontextmanager
async def operations(
    settings: ServiceSettings, readiness: Mapping[str, Check]
) -> AsyncIterator[None]:
    """Serve them meanwhile at `operations_port`, unless it is 0."""
    if not settings.operations_port:
        yield
        return

    async def app(scope: Any, _: Any, send: Any) -> None:
        status, content_type, body = await _answer(scope["path"], readiness)
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with served_beside(app, settings.host, settings.operations_port):
        yield


async def _answer(path: str, readiness: Mapping[str, Check]) -> tuple[int, str, bytes]:
    match path:
        case "/livez":
            return 200, JSON, b'{"status":"ok"}'
        case "/readyz":
            missing = await missing_parts(readiness)
            status = "not ready" if missing else "ok"
            body = orjson.dumps({"status": status, "missing": missing})
            return 503 if missing else 200, JSON, body
        case "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        case _:
            return 404, "text/plain", b"only /livez, /readyz and /metrics are here\n"


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception as error:
        log.warning("readiness_unknown", part=name, why=type(error).__name__)
        return False
