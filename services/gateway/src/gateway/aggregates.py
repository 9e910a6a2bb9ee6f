"""Several services' answers in one: each part required or optional, none waited for too long.

A required part that fails fails the whole, with its own meaning. An optional one becomes null and
is named in `partial`, with the reason and whether it is worth asking again. What is partial is
never kept anywhere.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import structlog
from prometheus_client import Counter
from pydantic import TypeAdapter, ValidationError

from gateway.answers import Answer, Header, Refused, etag_of
from gateway.authentication import Caller
from gateway.calls import Calls
from gateway.exchange import Exchange
from gateway.forwarding import (
    AnswerCut,
    RequestTimeout,
    Upstream,
    UpstreamBroken,
    UpstreamTimeout,
)
from gateway.hygiene import outward
from gateway.route_tree import RoutesTable
from gateway.whole_answers import TooMuch, Whole, whole

MOST_BYTES = 256 * 1024
INNER_SHARE = 0.85
"""Of the whole budget: what is left is for putting the parts together and handing them over."""

GRACE_SECONDS = 0.05
"""The call's own budget ends first, so that its breaker hears of it."""

PARTS = Counter("cartulary_aggregate_parts_total", "Parts asked for", ["part", "result"])

_JSON: Header = (b"content-type", b"application/json")
_PASSED_ON = frozenset({401, 403, 404})
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """One question to one service.

    `shape` is all that is read of the answer. `shows` makes the part out of it, which is then a
    `shown` of another shape.
    """

    name: str
    service: str
    path: str
    shape: type[Any]
    shows: Callable[[Any], Any] = lambda read: read
    query: bytes = b""
    required: bool = False
    shown: type[Any] | None = None

    @property
    def returned(self) -> type[Any]:
        """What the part is, where it is not null."""
        return self.shown or self.shape

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Made once: making one costs more than reading with it."""
        return TypeAdapter(self.shape)


@dataclass(frozen=True)
class Aggregate:
    """A page of parts; `budget` is in seconds, for all of them together."""

    path: str
    parts: Sequence[Part]
    budget: float = 2.0


@dataclass(frozen=True)
class Missing:
    """Why a part is null."""

    part: str
    reason: str
    retryable: bool


class PartRefused(Refused):
    """A required part was refused; the refusal is the whole's."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status  # type: ignore[misc] # each its own
        self.code = code  # type: ignore[misc]
        super().__init__(detail)


class Aggregates:
    """Answers aggregates. Parts that no route leads to are left out: their service is not there."""

    def __init__(self, upstreams: Mapping[str, Upstream], calls: Calls, table: RoutesTable) -> None:
        self._upstreams = upstreams
        self._calls = calls
        self._table = table

    async def answer(self, aggregate: Aggregate, exchange: Exchange, caller: Caller) -> None:
        """Ask for all parts at once and answer. Raises `Refused` for a required part."""
        until = asyncio.get_running_loop().time() + aggregate.budget * INNER_SHARE
        parts = [part for part in aggregate.parts if self.has(part)]
        async with asyncio.TaskGroup() as group:
            asking = [
                group.create_task(self._part(part, exchange, caller, until)) for part in parts
            ]
        found = dict(zip((part.name for part in parts), (t.result() for t in asking), strict=True))
        for part in parts:
            failed = found[part.name]
            if part.required and isinstance(failed, _Failure):
                raise failed.error
        await exchange.answer(_answer(found))

    def has(self, part: Part) -> bool:
        """Whether a route leads to the part, at a service that is there."""
        match = self._table.find(part.path)
        routes = match.routes.get("GET", ()) if match else ()
        return part.service in self._upstreams and any(r.service == part.service for r in routes)

    async def _part(self, part: Part, exchange: Exchange, caller: Caller, until: float) -> Any:
        budget = until - asyncio.get_running_loop().time()
        call = self._calls.asked_for(exchange, part.path, part.query, caller, budget)
        try:
            # a budget is renewed with every piece of an answer; here it is for the whole of it
            async with asyncio.timeout_at(until + GRACE_SECONDS):
                answer = await whole(self._upstreams[part.service], call, most=MOST_BYTES)
            shown = _read(part, answer)
        except (Refused, AnswerCut, TimeoutError, TooMuch, ValidationError, ValueError) as error:
            failure = _failure(part, error)
            PARTS.labels(part.name, failure.missing.reason).inc()
            log.warning(
                "part_missing",
                part=part.name,
                reason=failure.missing.reason,
                request_id=exchange.request_id,
            )
            return failure
        PARTS.labels(part.name, "ok").inc()
        return shown


@dataclass(frozen=True)
class _Failure:
    missing: Missing
    error: Refused


def _read(part: Part, answer: Whole) -> Any:
    if answer.status != 200:
        raise _refusal(answer)
    return part.shows(part.adapter.validate_json(answer.body))


def _refusal(answer: Whole) -> PartRefused:
    """What the service said, as far as it is one of our problems."""
    try:
        said = orjson.loads(answer.body)
        code, detail = str(said["code"]), str(said["detail"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        code, detail = "upstream_unavailable", UpstreamBroken.detail
    return PartRefused(answer.status, code, detail)


def _failure(part: Part, error: Exception) -> _Failure:
    match error:
        case PartRefused() if error.status in _PASSED_ON:
            return _Failure(Missing(part.name, error.code, False), error)
        case PartRefused():
            retryable = error.status in _RETRYABLE
            return _Failure(Missing(part.name, error.code, retryable), UpstreamBroken())
        case TimeoutError() | UpstreamTimeout() | RequestTimeout():
            return _Failure(Missing(part.name, UpstreamTimeout.code, True), UpstreamTimeout())
        case Refused():
            return _Failure(Missing(part.name, error.code, True), error)
        case AnswerCut():
            return _Failure(Missing(part.name, UpstreamBroken.code, True), UpstreamBroken())
        case TooMuch():
            return _Failure(Missing(part.name, "too_large", False), UpstreamBroken())
        case _:
            return _Failure(Missing(part.name, "unreadable", False), UpstreamBroken())


def _answer(found: Mapping[str, Any]) -> Answer:
    missing = [part.missing for part in found.values() if isinstance(part, _Failure)]
    shown = {n: None if isinstance(part, _Failure) else part for n, part in found.items()}
    body = orjson.dumps({**shown, "partial": missing}, default=_jsonable)
    kept = [(b"cache-control", b"private, no-store")] if missing else [etag_of(body)]
    return Answer(200, tuple(outward([_JSON, *kept]).headers), body)


def _jsonable(value: Any) -> Any:
    return value.model_dump(mode="json")
