"""Around every request: ids, a body limit, one log line, one measurement; plain and cheap."""

import os
import re
import time
from random import getrandbits

import structlog
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.problem_responses import CONTENT_TYPE, UNEXPECTED, problem_body
from common.reporting import note_span, tracing

log = structlog.get_logger("http")

SECONDS = Histogram(
    "cartulary_http_request_seconds",
    "Duration of requests",
    ["service", "method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
MAX_BODY = 1024 * 1024
UNMATCHED = "unmatched"
GONE = 499
"""The status that is noted when the caller was gone, or the server stopped, before an answer."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ASKED_BY_MACHINES = frozenset({"/livez", "/readyz", "/metrics"})
_READ = frozenset({b"x-request-id", b"traceparent", b"content-length"})
_SANE_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class BodyTooLarge(HTTPException):
    """More bytes arrived than this service takes. An HTTPException, for FastAPI turns every other
    error of reading a body into a 400."""

    def __init__(self) -> None:
        super().__init__(413)


class RequestContext:
    """ASGI middleware; `scope["state"]` carries `request_id` and `traceparent`."""

    def __init__(self, app: ASGIApp, *, service: str, max_body: int = MAX_BODY) -> None:
        self._app = app
        self._service = service
        self._max_body = max_body
        # bound and looked up once: both cost more than what they do
        self._log = log.bind(service=service)
        self._measures: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self._max_body)
        scope.setdefault("state", {}).update(
            request_id=exchange.request_id, traceparent=exchange.traceparent
        )
        bound = structlog.contextvars.bind_contextvars(
            request_id=exchange.request_id,
            correlation_id=exchange.request_id,
            traceparent=exchange.traceparent,
        )
        started = time.perf_counter()
        try:
            await self._answer(exchange)
        finally:
            self._note(scope, exchange.status or GONE, time.perf_counter() - started)
            structlog.contextvars.reset_contextvars(**bound)

    async def _answer(self, exchange: "_Exchange") -> None:
        if exchange.announced > self._max_body:
            await exchange.refuse(413, f"A body has at most {self._max_body} bytes here.")
            return
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as error:
            log.error("request_failed", route=_route(exchange.scope), exc_info=error)
            if exchange.status:
                raise  # half an answer is out; the server must cut the connection
            await exchange.refuse(500, UNEXPECTED)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._measure(method, route, status).observe(seconds)
        write = self._log.debug if route in _ASKED_BY_MACHINES else self._log.info
        write(
            "http_request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
        )
        if tracing():
            parent = scope["state"]["traceparent"]
            name = f"{method} {route}"
            note_span(name, parent, seconds, route=route, status=status)

    def _measure(self, method: str, route: str, status: int) -> Histogram:
        found = self._measures.get((method, route, status))
        if found is None:
            found = SECONDS.labels(self._service, method, route, str(status))
            self._measures[method, route, status] = found
        return found


class _Exchange:
    """One request and its answer as they pass by."""

    __slots__ = (
        "_limit",
        "_receive",
        "_received",
        "_send",
        "announced",
        "request_id",
        "scope",
        "status",
        "traceparent",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        length = headers.get(b"content-length", b"")
        self.scope = scope
        self.request_id = sane_request_id(headers.get(b"x-request-id"))
        self.traceparent = sane_traceparent(headers.get(b"traceparent"))
        self.announced = int(length) if length.isdigit() else 0
        self.status = 0
        self._received = 0
        self._limit = limit
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """The next piece of the body. Raises `BodyTooLarge`: a length need not be announced."""
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        """The next piece of the answer; its head gets the request's id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            identified = (b"x-request-id", self.request_id.encode())
            message["headers"] = [*message.get("headers", ()), identified]
        await self._send(message)

    async def refuse(self, status: int, detail: str) -> None:
        """Answer with a problem where the application has not answered.

        The server discards what may still come of the body; hanging up would reset the connection
        under a caller who is sending, and so lose them this answer.
        """
        body = problem_body(status, detail, instance=self.scope["path"], request_id=self.request_id)
        headers = [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _route(scope: Scope) -> str:
    """The path's template, not the path: few values, and nothing of a person in them."""
    return getattr(scope.get("route"), "path", UNMATCHED)


def sane_request_id(sent: bytes | None) -> str:
    """The caller's id if it is harmless, else a new one.

    It need only be another one, neither secret nor ordered: a UUIDv7 and its system call took a
    twentieth of a cached read.
    """
    return sent.decode() if sent and _SANE_ID.fullmatch(sent) else f"{getrandbits(128):032x}"


def sane_traceparent(sent: bytes | None) -> str:
    """The caller's trace if it is well-formed (W3C), else a new one."""
    if sent and _TRACEPARENT.fullmatch(sent):
        return sent.decode()
    random = os.urandom(24).hex()
    return f"00-{random[:32]}-{random[32:]}-01"
