"""Follow what is recorded in each service's log, and what the gateway dropped because of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from cartulary.services import Place

POLL_SECONDS = 0.2
PAGE = 1_000
RECENT_BYTES = 20_000
"""How much of the run's log is looked at for what the gateway did before."""


@dataclass(frozen=True)
class Filter:
    """Which events to show. `stream` is a stream's name or a category (`card`); empty means all."""

    stream: str | None = None
    types: Collection[str] = field(default_factory=tuple)

    def wants(self, row: asyncpg.Record) -> bool:
        """Whether this event is one of them."""
        named = self.stream in (None, row["stream"], row["stream"].partition("-")[0])
        return named and (not self.types or row["type"] in self.types)

    def __bool__(self) -> bool:
        return bool(self.stream or self.types)


@dataclass(frozen=True)
class Start:
    """Where to begin: at a position, at a time, else with the last matching events."""

    last: int
    position: int | None = None
    at: datetime | None = None


async def tail(
    places: Sequence[Place], start: Start, wanted: Filter, *, news: bool, follow: bool
) -> AsyncIterator[dict[str, Any]]:
    """Old events of these services, then what follows; with `news`, what the gateway dropped.

    The order is that of time within a round and that of the log within a service.
    """
    async with AsyncExitStack() as stack:
        logs = [await _Log.open(stack, place, start, wanted) for place in places]
        gateway = (
            _Lines(places[0].layout.log) if news and places[0].embedded and not wanted else None
        )
        while True:
            rounds = [await log.page() for log in logs]
            found = [_shown(log.place.name, row) for log, rows in rounds for row in rows]
            found += gateway.dropped_pages() if gateway else []
            for entry in sorted(found, key=_when):
                yield entry
            if any(log.behind for log in logs):
                continue
            if not follow:
                return
            await asyncio.sleep(POLL_SECONDS)


class _Log:
    """One service's log, read up to the horizon."""

    def __init__(
        self, place: Place, connection: asyncpg.Connection, wanted: Filter, position: int
    ) -> None:
        self.place = place
        self.behind = False
        self._connection = connection
        self._wanted = wanted
        self._position = position

    @staticmethod
    async def open(stack: AsyncExitStack, place: Place, start: Start, wanted: Filter) -> "_Log":
        connection = await asyncpg.connect(place.dsn)
        stack.push_async_callback(connection.close)
        if start.position is not None:
            position = start.position - 1
        elif start.at is not None:
            position = await connection.fetchval(_SINCE, start.at)
        else:
            position = await connection.fetchval(
                _LAST, start.last, wanted.stream, list(wanted.types)
            )
        return _Log(place, connection, wanted, position)

    async def page(self) -> tuple["_Log", list[asyncpg.Record]]:
        rows = await self._connection.fetch(_AFTER, self._position, PAGE)
        found = [row for row in rows if row["log_position"] is not None]
        self.behind = len(found) == PAGE
        self._position = found[-1]["log_position"] if self.behind else rows[0]["horizon"]
        return self, [row for row in found if self._wanted.wants(row)]


def line(entry: dict[str, Any]) -> str:
    """One entry for people."""
    at = datetime.fromisoformat(entry["at"]).strftime("%H:%M:%S.%f")[:-3]
    if "dropped" in entry:
        dropped = f"  dropped from the cache: {entry['dropped']}" if entry["dropped"] else ""
        return f"{at}  gateway   heard  {entry['heard']:<28} {entry['about']}{dropped}"
    where = f"{entry['stream']} v{entry['version']}"
    return f"{at}  {entry['service']:<8} {entry['position']:>6}  {entry['type']:<28} {where}"


class _Lines:
    """New lines of the run's own log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = max(0, path.stat().st_size - RECENT_BYTES) if path.exists() else 0

    def dropped_pages(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        with self._path.open() as file:
            file.seek(self._offset)
            lines = file.readlines()
            self._offset = file.tell()
        # the first line may have been cut by the offset
        whole = [text for text in lines if text.startswith("{") and text.endswith("}\n")]
        entries = [json.loads(text) for text in whole if '"cache_purged"' in text]
        return [
            {
                "at": e["timestamp"],
                "heard": e["because"],
                "about": e["tag"],
                "dropped": e["entries"],
            }
            for e in entries
        ]


def _shown(service: str, row: asyncpg.Record) -> dict[str, Any]:
    return {
        "at": row["recorded_at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "service": service,
        "position": row["log_position"],
        "type": row["type"],
        "stream": row["stream"],
        "version": row["version"],
        "meta": json.loads(row["meta"]),
    }


def _when(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


_LAST = """
    select coalesce(min(position) - 1, (select horizon from events_after(0, 0) limit 1))
      from (select position from events
             where ($2::text is null or stream = $2 or category = $2)
               and (cardinality($3::text[]) = 0 or type = any($3))
             order by position desc limit $1) as newest"""
_SINCE = """
    select coalesce(min(position) - 1, (select horizon from events_after(0, 0) limit 1))
      from events where recorded_at >= $1"""
_AFTER = "select * from events_after($1, $2)"
