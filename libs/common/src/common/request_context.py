"""Around every request: ids, a body limit, one log line, one measurement; plain and cheap."""

import os
import re
import time
from dataclasses import dataclass

import structlog
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.ids import uuid7
from common.problem_responses import CONTENT_TYPE, problem_body

log = structlog.get_logger("http")

SECONDS = Histogram(
    "cartulary_http_request_seconds",
    "Duration of requests",
    ["service", "method", "route", "status"],
)
MAX_BODY = 1024 * 1024
_SANE_ID = re.compile(r"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class BodyTooLarge(HTTPException):
    """More bytes arrived than this service takes. An HTTPException, for FastAPI turns every other
    error of reading a body into a 400."""

    def __init__(self) -> None:
        super().__init__(413)


@dataclass
class _Seen:
    """What the answer was, and how much of the body came."""

    status: int = 0
    received: int = 0


class RequestContext:
    """ASGI middleware; `scope["state"]` carries `request_id` and `traceparent`."""

    def __init__(self, app: ASGIApp, *, service: str, max_body: int = MAX_BODY) -> None:
        self._app = app
        self._service = service
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        request_id = sane_request_id(headers.get(b"x-request-id"))
        traceparent = sane_traceparent(headers.get(b"traceparent"))
        scope.setdefault("state", {}).update(request_id=request_id, traceparent=traceparent)
        started, seen = time.perf_counter(), _Seen()

        async def counted_receive() -> Message:
            message = await receive()
            seen.received += len(message.get("body", b""))
            if seen.received > self._max_body:
                raise BodyTooLarge
            return message

        async def marked_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(
            request_id=request_id, correlation_id=request_id, traceparent=traceparent
        ):
            try:
                if int(headers.get(b"content-length", b"0") or 0) > self._max_body:
                    raise BodyTooLarge
                await self._app(scope, counted_receive, marked_send)
            except BodyTooLarge:
                await _refuse_body(marked_send, scope["path"], request_id, self._max_body)
            finally:
                self._note(scope, seen.status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        SECONDS.labels(self._service, scope["method"], route, str(status)).observe(seconds)
        log.info(
            "http_request",
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
        )


_READ = {b"x-request-id", b"traceparent", b"content-length"}


def sane_request_id(sent: bytes | None) -> str:
    """The caller's id if it is harmless, else a new one."""
    text = (sent or b"").decode("latin-1")
    return text if _SANE_ID.fullmatch(text) else str(uuid7())


def sane_traceparent(sent: bytes | None) -> str:
    """The caller's trace if it is well-formed (W3C), else a new one."""
    text = (sent or b"").decode("latin-1")
    if _TRACEPARENT.fullmatch(text):
        return text
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


async def _refuse_body(send: Send, path: str, request_id: str, limit: int) -> None:
    body = problem_body(
        413, f"A body has at most {limit} bytes here.", instance=path, request_id=request_id
    )
    headers = [(b"content-type", CONTENT_TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
