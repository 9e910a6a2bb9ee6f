"""GET answers through the edge cache: a hit is answered here, a miss asks the service once for all.

The read of a miss belongs to everybody who waits for it, so it goes on when its client leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog
from common.clock import Clock
from prometheus_client import Counter

from gateway.answers import Header, Message, Send
from gateway.authentication import Caller
from gateway.edge_cache import EdgeCache, Entry, Flight, Key
from gateway.exchange import Exchange
from gateway.hygiene import Outward, outward
from gateway.routes import CacheRule

log = structlog.get_logger(__name__)

REQUESTS = Counter("cartulary_edge_cache_requests_total", "Reads of cacheable routes", ["result"])
HIT, MISS = REQUESTS.labels("hit"), REQUESTS.labels("miss")
COLLAPSED, BYPASS = REQUESTS.labels("collapsed"), REQUESTS.labels("bypass")

_NAME = b"cache-status"
_HIT: Header = (_NAME, b"cartulary; hit")
_STORED: Header = (_NAME, b"cartulary; fwd=miss; stored")
_NOT_STORED: Header = (_NAME, b"cartulary; fwd=miss")
_COLLAPSED: Header = (_NAME, b"cartulary; fwd=miss; collapsed")
_BYPASS: Header = (_NAME, b"cartulary; fwd=bypass")
_NOT_IN_304 = frozenset({b"content-length", b"content-type"})

Ask = Callable[[Send], Awaitable[None]]
"""Puts the question, without its conditions, to the service."""

Alone = Callable[[Header], Awaitable[None]]
"""Passes the request through, as if there were no cache; adds the header to its answer."""


class CachedReads:
    """`max_answer` is the largest answer, in bytes, that is kept."""

    def __init__(self, cache: EdgeCache, clock: Clock, *, max_answer: int) -> None:
        self._cache = cache
        self._clock = clock
        self._max_answer = max_answer

    async def answer(self, read: "Read", ask: Ask, alone: Alone) -> None:
        """Answer from the cache, from another's read under way, or from the service."""
        now = self._clock.now()
        entry = self._find(read, now)
        if entry is not None:
            HIT.inc()
            await _serve(read.exchange, entry, _HIT, now)
        elif not self._cache.on:
            BYPASS.inc()
            await alone(_BYPASS)
        else:
            await self._miss(read, ask, alone)

    def forget(self, tags: Iterable[str]) -> None:
        """Something with these tags was written through this gateway."""
        written = list(tags)
        dropped = self._cache.purge(written, "write")
        if dropped:
            log.info("cache_purged", tag=written[0], because="a write through it", entries=dropped)

    def _find(self, read: "Read", now: datetime) -> Entry | None:
        own = self._cache.find(read.own, now) if read.caller is not None else None
        return own or self._cache.find(read.public, now)

    async def _miss(self, read: "Read", ask: Ask, alone: Alone) -> None:
        flight, mine = self._cache.join(read.own)
        if mine:
            MISS.inc()
            await self._lead(read, flight, ask)
            return
        entry = await asyncio.shield(flight.landed)
        if entry is None:
            MISS.inc()
            await alone(_NOT_STORED)
        else:
            COLLAPSED.inc()
            await _serve(read.exchange, entry, _COLLAPSED, self._clock.now())

    async def _lead(self, read: "Read", flight: Flight, ask: Ask) -> None:
        fill = _Fill(read, self._clock.now(), self._max_answer)

        async def take(message: Message) -> None:
            await fill.take(message)
            if fill.streaming:
                self._cache.land(read.own, flight, None)

        try:
            await ask(take)
        finally:
            entry = fill.entry
            stored = entry is not None and self._cache.store(fill.key, entry, flight)
            self._cache.land(read.own, flight, entry)
        if entry is not None:
            note = _STORED if stored else _NOT_STORED
            await _serve(read.exchange, entry, note, self._clock.now())


class Read:
    """One GET of a cacheable route, and under which keys its answer may lie."""

    __slots__ = ("caller", "exchange", "own", "public", "rule")

    def __init__(
        self, exchange: Exchange, rule: CacheRule, path: str, query: bytes, caller: Caller | None
    ) -> None:
        language = exchange.headers.get(b"accept-language", b"") if rule.by_language else b""
        self.exchange = exchange
        self.rule = rule
        self.caller = caller
        self.public: Key = (path, query, language, None)
        self.own: Key = (path, query, language, caller.account) if caller else self.public


class _Fill:
    """Collects an answer that may be kept; any other streams through to the client."""

    def __init__(self, read: Read, now: datetime, max_answer: int) -> None:
        self.key = read.public
        self.entry: Entry | None = None
        self.streaming = False
        self._read = read
        self._now = now
        self._max_answer = max_answer
        self._status = 0
        self._answer = Outward([], ())
        self._pieces: list[bytes] = []
        self._size = 0

    async def take(self, message: Message) -> None:
        """The next message of the service's answer."""
        if message["type"] == "http.response.start":
            await self._begin(message["status"], message["headers"])
            return
        piece: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self.streaming:
            await self._read.exchange.body(piece, more=more)
        else:
            await self._collect(piece, more)

    async def _begin(self, status: int, headers: Iterable[Header]) -> None:
        self._status = status
        self._answer = outward(headers)
        key = _key(self._read, status, self._answer)
        if key is None:
            await self._stream()
        else:
            self.key = key

    async def _collect(self, piece: bytes, more: bool) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._max_answer:
            await self._stream()
            await self._read.exchange.body(b"".join(self._pieces), more=more)
        elif not more:
            self.entry = self._complete(b"".join(self._pieces))

    async def _stream(self) -> None:
        self.streaming = True
        await self._read.exchange.start(self._status, [*self._answer.headers, _NOT_STORED])

    def _complete(self, body: bytes) -> Entry:
        account = self.key[3]
        tags = self._answer.tags
        headers = [header for header in self._answer.headers if header[0] != b"content-length"]
        return Entry(
            headers=(*headers, (b"content-length", b"%d" % len(body))),
            body=body,
            etag=dict(headers).get(b"etag", b""),
            tags=tags if account is None else (*tags, f"user/{account}"),
            stored_at=self._now,
            expires_at=self._now + timedelta(seconds=self._read.rule.lifetime),
        )


def _key(read: Read, status: int, answer: Outward) -> Key | None:
    """Where the answer may be kept: for all, for its caller, or nowhere.

    A service that says neither `public` nor `private` has not decided, so nothing is kept.
    """
    if status != 200 or not answer.tags:
        return None
    said = _words(answer, b"cache-control")
    differs_by = _words(answer, b"vary")
    if b"no-store" in said or _words(answer, b"set-cookie"):
        return None
    if not differs_by <= _distinguished(read.rule):
        return None
    if b"private" in said:
        return read.own if read.caller is not None else None
    return read.public if b"public" in said else None


def _distinguished(rule: CacheRule) -> set[bytes]:
    """What a key or the gateway itself takes care of: services are never sent Accept-Encoding."""
    return {b"accept-encoding", b"accept-language"} if rule.by_language else {b"accept-encoding"}


def _words(answer: Outward, name: bytes) -> set[bytes]:
    values = b",".join(value for header, value in answer.headers if header == name)
    return {word.strip() for word in values.lower().split(b",")} - {b""}


async def _serve(exchange: Exchange, entry: Entry, note: Header, now: datetime) -> None:
    age = (b"age", b"%d" % (now - entry.stored_at).total_seconds())
    if exchange.has(entry.etag):
        kept = [header for header in entry.headers if header[0] not in _NOT_IN_304]
        await exchange.start(304, [*kept, age, note])
        await exchange.body(b"")
        return
    await exchange.start(200, [*entry.headers, age, note])
    await exchange.body(entry.body)
