"""A backup's rows into the tables of a fresh database that is at the backup's revision."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from common.backup_archive import BackupDamaged, Frame
from common.backup_reading import Checked, frames_of
from common.backups import KEYS

log = structlog.get_logger(__name__)

Frames = AsyncIterator[tuple[Frame, bytes]]


async def load_log(owner: asyncpg.Connection, path: Path, key: bytes, checked: Checked) -> None:
    """All tables of the file, in one transaction. Leaders of the time before are fenced off."""
    async with owner.transaction():
        await _load(owner, frames_of(path, key))
        for name, value in checked.sequences.items():
            await owner.execute(_SEQUENCE, name, value)
        await owner.execute("update cursors set epoch = epoch + 1, owner = null")


async def load_keys(
    owner: asyncpg.Connection, path: Path, key: bytes, since: datetime
) -> list[UUID]:
    """Persons' keys; what the log's file had kept of those who were erased is dropped.

    Returns who was erased after `since`.
    """
    async with owner.transaction():
        await _load(owner, frames_of(path, key))
        for statement in _FORGET:
            await owner.execute(statement)
        rows = await owner.fetch(_ERASED_SINCE, since)
    return [row["subject"] for row in rows]


async def _load(owner: asyncpg.Connection, frames: Frames) -> None:
    """Table after table. Raises `BackupDamaged` when another number of rows arrives."""
    loaded: dict[str, int] = {}
    table: dict[str, Any] | None = None
    expected: dict[str, int] = {}
    rows = _Rows(frames)
    async for frame, payload in rows:
        if frame is Frame.TABLE:
            table = orjson.loads(payload)
            loaded[table["table"]] = await _copy(owner, table, rows)
        elif frame is Frame.END:
            expected = orjson.loads(payload)
    known = {name: count for name, count in expected.items() if loaded.get(name, 0) >= 0}
    if any(loaded.get(name) != count for name, count in known.items()):
        raise BackupDamaged


class _Rows:
    """Frames one after the other; the rows of one table can be taken out of them."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._kept: tuple[Frame, bytes] | None = None

    def __aiter__(self) -> "_Rows":
        return self

    async def __anext__(self) -> tuple[Frame, bytes]:
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return kept
        return await anext(self._frames)

    async def of_table(self) -> AsyncIterator[bytes]:
        """Rows until another frame comes, which is kept."""
        async for frame, payload in self._frames:
            if frame is not Frame.ROWS:
                self._kept = (frame, payload)
                return
            yield payload


async def _copy(owner: asyncpg.Connection, table: dict[str, Any], rows: _Rows) -> int:
    """How many rows were copied; -1 for a table that the code does not make any more: a view that
    was given up, whose rows the log still has."""
    name = table["table"]
    if await owner.fetchval("select to_regclass(format('public.%I', $1::text))", name) is None:
        log.warning("table_is_unknown", table=name)
        async for _ in rows.of_table():
            pass
        return -1
    if name != "events":
        await owner.execute(f'delete from public."{name}"')  # what a migration has put there
    status: str = await owner.copy_to_table(
        name,
        schema_name="public",
        source=rows.of_table(),
        columns=table["columns"],
        format="text",
    )
    return int(status.rpartition(" ")[2])


_SEQUENCE = """
    select setval(to_regclass(format('public.%I', $1::text)), $2)
     where to_regclass(format('public.%I', $1::text)) is not null"""
_FORGET = (
    "delete from snapshots",
    f"update commands set answer = null where actor in (select subject from {KEYS} "
    "where wrapped is null)",
    f"update parked set raw = null, error = 'erased' where data_subject in (select subject from "
    f"{KEYS} where wrapped is null)",
)
_ERASED_SINCE = f"select distinct subject from {KEYS} where erased_at > $1 order by subject"
