"""`cartulary events`: what is recorded in each service's log, live; whether the log is whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from common.database import Database
from common.verification import Flaw, verify_log

from cartulary.layout import SERVICES, Layout

POLL_SECONDS = 0.2
RECENT_BYTES = 20_000
"""How much of the run's log is looked at for what the gateway did before."""


async def tail(layout: Layout, *, last: int, follow: bool) -> AsyncIterator[dict[str, Any]]:
    """The newest events of all services, then what follows; and pages that the gateway dropped."""
    async with AsyncExitStack() as stack:
        connections: dict[str, asyncpg.Connection] = {}
        positions: dict[str, int] = {}
        for service in SERVICES:
            connection = await asyncpg.connect(layout.dsn(service))
            stack.push_async_callback(connection.close)
            connections[service] = connection
            positions[service] = await connection.fetchval(_START, last)
        gateway = _Lines(layout.log)
        while True:
            found: list[dict[str, Any]] = []
            for service, connection in connections.items():
                rows = await connection.fetch(_AFTER, positions[service])
                events = [_shown(service, row) for row in rows if row["log_position"] is not None]
                positions[service] = rows[0]["horizon"]
                found += events
            found += gateway.dropped_pages()
            for entry in sorted(found, key=_when):
                yield entry
            if not follow:
                return
            await asyncio.sleep(POLL_SECONDS)


async def flaws(layout: Layout, service: str) -> list[Flaw]:
    """What is wrong with one service's log."""
    database = await Database.connect(layout.dsn(service), size=2)
    try:
        return [flaw async for flaw in verify_log(database)]
    finally:
        await database.close()


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
        "at": row["recorded_at"].isoformat(),
        "service": service,
        "position": row["log_position"],
        "type": row["type"],
        "stream": row["stream"],
        "version": row["version"],
        "meta": json.loads(row["meta"]),
    }


def _when(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["at"])


_START = """
    select coalesce(min(position), 1) - 1
      from (select position from events order by position desc limit $1) newest"""
_AFTER = "select * from events_after($1, 1000)"
