"""Answers kept until an event says that they are no longer true.

Every purge moves a counter on. A read notes it before it asks the service, and its answer is kept
only if no tag of it was purged since: an answer that a write has overtaken is never stored. For the
same reason nobody joins a read that began before the latest purge.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Counter, Gauge

from gateway.answers import Header

PURGED_TAGS = 10_000
ENTRY_OVERHEAD = 600  # bytes of Python objects around a kept answer, roughly

PURGES = Counter("cartulary_edge_cache_purges_total", "Answers purged", ["cause"])
BYTES = Gauge("cartulary_edge_cache_bytes", "Bytes of kept answers")
ENTRIES = Gauge("cartulary_edge_cache_entries", "Kept answers")

Key = tuple[str, bytes, bytes, str | None]
"""Path, known query, language where answers differ by it, account where the answer is private."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept answer, ready to be sent. `headers` lack only what each request adds."""

    headers: tuple[Header, ...]
    body: bytes
    etag: bytes
    tags: tuple[str, ...]
    stored_at: datetime
    expires_at: datetime

    @property
    def size(self) -> int:
        """What keeping it costs, in bytes."""
        return len(self.body) + sum(len(n) + len(v) for n, v in self.headers) + ENTRY_OVERHEAD


class Flight:
    """One read under way; `landed` gives its answer to those who joined, or None: ask yourself."""

    __slots__ = ("landed", "started")

    def __init__(self, started: int) -> None:
        self.started = started
        self.landed: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()


class EdgeCache:
    """Bounded by bytes; off, and empty, while purges cannot be heard."""

    def __init__(self, *, max_bytes: int) -> None:
        self.on = False
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._by_tag: dict[str, set[Key]] = {}
        self._flights: dict[Key, Flight] = {}
        self._purges = 0
        self._purged: OrderedDict[str, int] = OrderedDict()  # tag → the purge that it was last in
        self._forgotten = 0  # the latest purge whose tags are no longer remembered

    def find(self, key: Key, now: datetime) -> Entry | None:
        """The kept answer."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.expires_at:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def join(self, key: Key) -> tuple[Flight, bool]:
        """The read under way for this key and whether it is the caller's to make, and to `land`."""
        flight = self._flights.get(key)
        if flight is not None and flight.started == self._purges:
            return flight, False
        flight = self._flights[key] = Flight(self._purges)
        return flight, True

    def land(self, key: Key, flight: Flight, entry: Entry | None) -> None:
        """End a read: everyone who joined gets the entry, or goes to ask alone."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.landed.done():
            flight.landed.set_result(entry)

    def store(self, key: Key, entry: Entry, flight: Flight) -> bool:
        """Keep an answer, unless a purge has overtaken it; whether it is kept."""
        overtaken = flight.started < self._forgotten or any(
            self._purged.get(tag, 0) > flight.started for tag in entry.tags
        )
        if overtaken or not self.on or entry.size > self._max_bytes:
            return False
        self._drop(key)
        self._entries[key] = entry
        self._bytes += entry.size
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))
        self._measure()
        return True

    def purge(self, tags: Iterable[str], cause: str) -> int:
        """Drop every answer with one of these tags, and those still on their way; how many."""
        self._purges += 1
        dropped = 0
        for tag in tags:
            self._purged[tag] = self._purges
            self._purged.move_to_end(tag)
            for key in self._by_tag.pop(tag, ()):
                dropped += self._drop(key)
        while len(self._purged) > PURGED_TAGS:
            self._forgotten = max(self._forgotten, self._purged.popitem(last=False)[1])
        if dropped:
            PURGES.labels(cause).inc(dropped)
            self._measure()
        return dropped

    def connected(self, on: bool) -> None:
        """The way that purges come by was lost, or is there again: begin with nothing."""
        self.on = on
        self._purges += 1
        self._forgotten = self._purges
        PURGES.labels("connection").inc(len(self._entries))
        self._entries.clear()
        self._by_tag.clear()
        self._purged.clear()
        self._bytes = 0
        self._measure()

    def _drop(self, key: Key) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self._bytes -= entry.size
        for tag in entry.tags:
            keys = self._by_tag.get(tag, set())
            keys.discard(key)
            if not keys:
                self._by_tag.pop(tag, None)
        return True

    def _measure(self) -> None:
        BYTES.set(self._bytes)
        ENTRIES.set(len(self._entries))
