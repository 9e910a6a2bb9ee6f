"""Server-sent events: that something of the caller's changed, as long as their token is good.

An event has no content but type, subject and time. Its id is the message's, so a client goes on
where it was with `Last-Event-ID`, at whichever gateway; where that is no longer known, and after
the broker was away, it is told `reset`: read anew what you show. The last event is `end`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
from common.clock import Clock
from prometheus_client import Gauge
from pydantic import BaseModel, ValidationError

from gateway.answers import Header, Refused
from gateway.authentication import Caller
from gateway.calls import Calls
from gateway.exchange import Exchange
from gateway.forwarding import ClientGone, Upstream, UpstreamBroken
from gateway.guarding import Overloaded
from gateway.hygiene import outward
from gateway.live_log import LiveLog, Told, Watcher
from gateway.refused_tokens import RefusedTokens
from gateway.whole_answers import TooMuch, whole

PATH = "/api/v1/me/events"
MOST_STREAMS = 2_000
MOST_OF_ONE = 8
SEND_SECONDS = 30.0
ASK_SECONDS = 5.0
MOST_BYTES = 2 * 1024 * 1024
MOST_PAGES = 10
CARDS = "/api/v1/cards/"
LIVE, TRASH = b"deleted=false", b"deleted=true"

STREAMS = Gauge("cartulary_event_streams", "Open streams of server-sent events")

_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"private, no-store"),
    (b"x-accel-buffering", b"no"),
)
_BEGIN = b"retry: 3000\n\n"
_BEAT = b": still here\n\n"
_RESET = b"event: reset\ndata: {}\n\n"


class TooManyStreams(Refused):
    """One account has as many streams open as it may."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "too_many_streams"
    detail: ClassVar[str] = "Close one of your other event streams first."


class _Named(BaseModel):
    id: UUID


class _Page(BaseModel):
    items: list[_Named]
    total: int


class LiveEvents:
    """Serves streams. `heartbeat` is in seconds; `upstreams` are asked what is the caller's."""

    def __init__(
        self,
        log: LiveLog,
        refused: RefusedTokens,
        calls: Calls,
        upstreams: Mapping[str, Upstream],
        *,
        clock: Clock,
        heartbeat: float,
    ) -> None:
        self._log = log
        self._refused = refused
        self._calls = calls
        self._upstreams = upstreams
        self._clock = clock
        self._heartbeat = heartbeat
        self._draining = False

    def drain(self) -> None:
        """End all streams; their clients come back, to another process."""
        self._draining = True
        self._log.wake_all()

    async def answer(self, exchange: Exchange, caller: Caller) -> None:
        """Stream until the token or the session ends, or the client goes.

        Raises `TooManyStreams`, `Overloaded`, and as `Upstream.forward` while nothing was sent.
        """
        headers = outward(_HEADERS).headers
        if exchange.method == "HEAD":
            await exchange.start(200, headers)
            await exchange.body(b"")
            return
        self._make_room(caller)
        since = self._log.heard
        watcher = Watcher(caller.account, await self._subjects(exchange, caller))
        self._make_room(caller)  # others may have come meanwhile
        self._log.watch(watcher, since=since, last=_last(exchange))
        STREAMS.inc()
        try:
            async with _departure(exchange, watcher) as gone:
                await exchange.start(200, headers)
                await self._say(exchange, _BEGIN)
                await self._stream(exchange, caller, watcher, gone)
        finally:
            self._log.watchers.discard(watcher)
            STREAMS.dec()

    async def _stream(
        self, exchange: Exchange, caller: Caller, watcher: Watcher, gone: asyncio.Event
    ) -> None:
        while not gone.is_set():
            reason = self._end(caller)
            watcher.woken.clear()
            if watcher.missed:
                watcher.missed = False
                await self._say(exchange, _RESET)
            while watcher.waiting:
                await self._say(exchange, _event(watcher.waiting.popleft()))
            if reason is not None:
                await self._say(exchange, _ending(reason))
                await exchange.body(b"")
                return
            if not await self._woken(watcher, caller):
                await self._say(exchange, _BEAT)
        raise ClientGone

    async def _woken(self, watcher: Watcher, caller: Caller) -> bool:
        """Whether there is something to look at before the next heartbeat."""
        left = (caller.identity.expires_at - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(min(self._heartbeat, max(0.0, left))):
                await watcher.woken.wait()
        except TimeoutError:
            return left < self._heartbeat
        return True

    def _end(self, caller: Caller) -> str | None:
        identity = caller.identity
        if self._draining:
            return "restart"
        if self._clock.now() >= identity.expires_at:
            return "token_expired"
        if self._refused.is_shut(identity.account_id):
            return "account_suspended"
        if self._refused.is_over((identity.session_id, identity.account_id)):
            return "session_ended"
        return None

    def _make_room(self, caller: Caller) -> None:
        if self._draining or len(self._log.watchers) >= MOST_STREAMS:
            raise Overloaded
        own = sum(watcher.account == caller.account for watcher in self._log.watchers)
        if own >= MOST_OF_ONE:
            raise TooManyStreams

    async def _subjects(self, exchange: Exchange, caller: Caller) -> set[str]:
        """The caller's cards, those in the trash too: messages about them do not say whose."""
        if "cards" not in self._upstreams:
            return set()
        subjects: set[str] = set()
        for which in (LIVE, TRASH):
            for page in range(1, MOST_PAGES + 1):
                query = which + b"&page=%d&per_page=100" % page
                found = await self._page(exchange, caller, query)
                subjects |= {f"card/{card.id}" for card in found.items}
                if page * 100 >= found.total:
                    break
        return subjects

    async def _page(self, exchange: Exchange, caller: Caller, query: bytes) -> _Page:
        call = self._calls.asked_for(exchange, CARDS, query, caller, ASK_SECONDS)
        try:
            answer = await whole(self._upstreams["cards"], call, most=MOST_BYTES)
            if answer.status != 200:
                raise UpstreamBroken
            return _Page.model_validate_json(answer.body)
        except (ValidationError, TooMuch) as error:
            raise UpstreamBroken from error

    @staticmethod
    async def _say(exchange: Exchange, text: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await exchange.body(text, more=True)
        except TimeoutError:
            raise ClientGone from None


@asynccontextmanager
async def _departure(exchange: Exchange, watcher: Watcher) -> AsyncIterator[asyncio.Event]:
    """Set once the client has gone."""
    gone = asyncio.Event()

    async def watch() -> None:
        while (await exchange.receive())["type"] != "http.disconnect":
            continue
        gone.set()
        watcher.woken.set()

    task = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        task.cancel()


def _last(exchange: Exchange) -> UUID | None:
    """The last event that the client has; something unreadable is one that nobody knows."""
    sent = exchange.headers.get(b"last-event-id")
    if not sent:
        return None
    try:
        return UUID(sent.decode("latin-1"))
    except ValueError:
        return UUID(int=0)


def _event(told: Told) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        str(told.id).encode(),
        told.type.encode(),
        _data(type=told.type, subject=told.subject, time=told.time),
    )


def _ending(reason: str) -> bytes:
    return b"event: end\ndata: %s\n\n" % _data(reason=reason)


def _data(**fields: str | datetime) -> bytes:
    document: dict[str, Any] = fields
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)
