"""Every request's way: find the route, know the caller, then answer from the cache or forward.

Plain ASGI on purpose: every layer here is paid by every request. Services log each request, hits
are counted; here a line is written only where a part of the system failed.
"""

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import structlog
from common.access_tokens import InvalidToken
from common.clock import Clock
from common.problem_responses import status_of
from common.problems import Refusal
from prometheus_client import Histogram

from gateway.answers import Answer, Header, InternalError, Message, Receive, Refused, Scope, Send
from gateway.authentication import Authentication, Caller
from gateway.cached_reads import CachedReads, Read
from gateway.calls import Calls
from gateway.clients import Clients
from gateway.cors import Cors
from gateway.exchange import UNMATCHED, Exchange
from gateway.forwarding import (
    AnswerCut,
    BodyTooLarge,
    Call,
    ClientGone,
    Upstream,
    UpstreamBroken,
)
from gateway.hygiene import FORWARDED_FOR, known_query, outward, read_headers
from gateway.inbound import Inbound, bodiless
from gateway.rate_limits import RateLimits, household
from gateway.route_tree import RoutesTable
from gateway.routes import READS, Per, Route

Page = Callable[[], Awaitable[Answer]]
Own = Callable[[Exchange, Caller], Awaitable[None]]
"""Answers a routed request that is for no service: `Access.USER` or more."""

CLIENT_GONE = 499  # for the metrics; nobody is left to read it
_CONDITIONS = frozenset({b"if-none-match", b"if-match", b"range"})
_INVALID_TOKEN: Header = (b"www-authenticate", b'Bearer error="invalid_token"')

SECONDS = Histogram(
    "cartulary_gateway_request_seconds",
    "Duration of requests at the gateway, with the services' part",
    ["method", "route", "status"],
)

log = structlog.get_logger(__name__)


class UnknownAddress(Refused):
    """No route, no page."""

    status = 404
    code = "not_found"
    detail = "There is nothing at this address."


class MethodNotAllowed(Refused):
    """The address exists; `Allow` names what it takes."""

    status = 405
    code = "method_not_allowed"
    detail = "This method is not for this address."


@dataclass(frozen=True)
class Doors:
    """What every request passes: from where, from which site, how often, and who it is.

    `always` stands on every answer.
    """

    clients: Clients
    cors: Cors
    limits: RateLimits
    authentication: Authentication
    always: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Answering:
    """What answers it. `pages` are the gateway's own addresses, `own` what it answers to the routes
    that are for no service, by their paths."""

    pages: Mapping[str, Page]
    own: Mapping[str, Own]
    upstreams: Mapping[str, Upstream]
    calls: Calls
    reads: CachedReads


class Gateway:
    """Answers every HTTP request."""

    def __init__(
        self, table: RoutesTable, doors: Doors, answering: Answering, clock: Clock
    ) -> None:
        self._table = table
        self._doors = doors
        self._pages = answering.pages
        self._own = answering.own
        self._upstreams = answering.upstreams
        self._calls = answering.calls
        self._reads = answering.reads
        self._clock = clock
        self._observe: dict[tuple[str, str, int], Callable[[float], None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever happens, with a problem at worst."""
        started = perf_counter()
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except ClientGone:
            exchange.status = CLIENT_GONE
        except Exception as error:
            await _fail(exchange, error)
        finally:
            self._measure(exchange, perf_counter() - started)

    async def _answer(self, exchange: Exchange) -> None:
        scope = exchange.scope
        exchange.headers = read_headers(scope["headers"], scope["http_version"])
        self._enter(exchange)
        page = self._pages.get(exchange.path)
        if page is not None:
            exchange.route = exchange.path
            _require_method(exchange, READS, "GET, HEAD")
            await exchange.answer(await page())
            return
        match = self._table.find(exchange.path)
        if match is None:
            raise UnknownAddress
        asked = self._doors.cors.preflight(exchange.method, exchange.headers, match.allow)
        if asked is not None:
            await exchange.answer(asked)
            return
        _require_method(exchange, match.routes, match.allow)
        route = match.route(exchange.method, exchange.scope["query_string"])
        if route is None:
            raise UnknownAddress
        exchange.route = route.path
        await self._serve(exchange, route, match.path, await self._let_in(exchange, route))

    def _enter(self, exchange: Exchange) -> None:
        peer = exchange.scope.get("client")
        if peer is not None:
            forwarded = exchange.headers.get(FORWARDED_FOR)
            exchange.client = self._doors.clients.address(peer[0], forwarded)
        exchange.added += self._doors.always
        exchange.added += self._doors.cors.headers(exchange.headers)

    async def _let_in(self, exchange: Exchange, route: Route) -> Caller | None:
        """The caller, if the route wants one and they do not come too often."""
        limit = route.limit
        if limit is not None and limit.per is Per.ADDRESS:
            who, now = household(exchange.client), self._clock.now()
            exchange.added += await self._doors.limits.admit(limit, who, now)
        authorization = exchange.headers.get(b"authorization")
        caller = await self._doors.authentication.caller(route.who, authorization)
        if limit is not None and limit.per is Per.ACCOUNT and caller is not None:
            now = self._clock.now()
            exchange.added += await self._doors.limits.admit(limit, caller.account, now)
        return caller

    async def _serve(
        self, exchange: Exchange, route: Route, path: str, caller: Caller | None
    ) -> None:
        own = self._own.get(route.path)
        if own is not None and caller is not None:
            await own(exchange, caller)
            return
        query = known_query(exchange.scope["query_string"], route.query_bytes)
        call = partial(self._calls.forwarded, exchange, path, query, caller, route)
        if route.cache is None or exchange.method not in READS:
            await self._pass_through(exchange, route, call(), caller=caller)
            return
        read = Read(exchange, route.cache, path, query, caller)
        upstream = self._upstreams[route.service]
        await self._reads.answer(
            read,
            lambda send: upstream.forward(_unconditional(call()), bodiless(), send),
            lambda note: self._pass_through(exchange, route, call(), note),
        )

    async def _pass_through(
        self,
        exchange: Exchange,
        route: Route,
        call: Call,
        note: Header | None = None,
        caller: Caller | None = None,
    ) -> None:
        inbound = _inbound(exchange, route)

        async def pass_on(message: Message) -> None:
            if inbound.too_large and not exchange.status:
                return  # the service answers what it took for a client that left
            if message["type"] == "http.response.start":
                if caller is not None and route.ends_session and message["status"] < 300:
                    self._doors.authentication.end(caller)
                await self._begin(exchange, message, note)
            else:
                more = message.get("more_body", False)
                await exchange.body(message.get("body", b""), more=more)

        await self._upstreams[route.service].forward(call, inbound, pass_on)
        if inbound.too_large and not exchange.status:
            raise BodyTooLarge

    async def _begin(self, exchange: Exchange, message: Message, note: Header | None) -> None:
        status: int = message["status"]
        headers, tags = outward(message["headers"])
        if note is not None:
            headers.append(note)
        if tags and exchange.method not in READS and 200 <= status < 300:
            # before the answer is handed on: who reads after it reads what was written
            self._reads.forget(tags)
        await exchange.start(status, headers)

    def _measure(self, exchange: Exchange, seconds: float) -> None:
        method = exchange.method if exchange.route != UNMATCHED else "any"
        key = (method, exchange.route, exchange.status)
        observe = self._observe.get(key)
        if observe is None:
            observe = self._observe[key] = SECONDS.labels(*key).observe
        observe(seconds)


def _require_method(exchange: Exchange, methods: Container[str], allow: str) -> None:
    if exchange.method not in methods:
        raise MethodNotAllowed(headers=((b"allow", allow.encode()),))


def _inbound(exchange: Exchange, route: Route) -> Inbound:
    """The body under the route's limit; what is announced too large is not even begun."""
    length = exchange.headers.get(b"content-length", b"0")
    if int(length) > route.body_limit:
        raise BodyTooLarge
    announced = length != b"0" or b"transfer-encoding" in exchange.headers
    complete = exchange.method in READS or not announced
    return Inbound(exchange.receive, route.body_limit, complete=complete)


def _unconditional(call: Call) -> Call:
    """The same question without its conditions: what is kept must be whole."""
    headers = [header for header in call.headers if header[0] not in _CONDITIONS]
    return replace(call, headers=headers)


async def _fail(exchange: Exchange, error: Exception) -> None:
    if exchange.status:
        # the answer has begun, so all that is left is not to end it: the server cuts the connection
        log.warning("answer_cut", route=exchange.route, reason=type(error).__name__)
    elif isinstance(error, Refused):
        await _refuse(exchange, error)
    elif isinstance(error, Refusal):
        headers = (_INVALID_TOKEN,) if isinstance(error, InvalidToken) else ()
        await exchange.problem(status_of(error), error.code, error.detail, headers)
    elif isinstance(error, AnswerCut):
        await _refuse(exchange, UpstreamBroken())
    else:
        log.error("gateway_failed", route=exchange.route, exc_info=error)
        await _refuse(exchange, InternalError())


async def _refuse(exchange: Exchange, refused: Refused) -> None:
    await exchange.refuse(refused)
    if refused.status >= 500:
        log.warning(
            "request_refused",
            request_id=exchange.request_id,
            route=exchange.route,
            status=refused.status,
            reason=type(refused).__name__,
        )
