"""The limit of whatever commits to PostgreSQL: bare inserts over connections of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
from common.kernel import Kernel

from bench.example_store import append, history
from bench.measurement import Measurement, Reference
from bench.rounds import Run, in_turn, repeated
from bench.targets import line


class RawRows:
    """The limit: plain inserts over connections of their own, of rows as large as our log's.

    The table has the log's columns and a primary key, and neither its unique key nor its triggers.
    """

    def __init__(self, connections: Sequence[asyncpg.Connection], row: asyncpg.Record) -> None:
        self._connections = connections
        self._row = tuple(row)

    async def insert_and_commit(self, worker: int) -> None:
        """Begin, insert, commit: three round trips, as every transaction with one statement has."""
        connection = self._connections[worker]
        async with connection.transaction():
            await connection.execute(_INSERT, f"note-{uuid4()}", *self._row)

    async def insert_in_autocommit(self, worker: int) -> None:
        """One statement that commits itself: one round trip, no room for anything beside it."""
        await self._connections[worker].execute(_INSERT, f"note-{uuid4()}", *self._row)


@asynccontextmanager
async def raw_rows(kernel: Kernel, connections: int) -> AsyncIterator[RawRows]:
    """Connections to the kernel's database, and a table with one of its rows as the pattern."""
    author, note_id = uuid4(), uuid4()
    await append(kernel, note_id, history(note_id, author, 1))
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(connections):
            connection = await asyncpg.connect(kernel.database.dsn)
            stack.push_async_callback(connection.close)
            opened.append(connection)
        await opened[0].execute(_TABLE)
        row = await opened[0].fetchrow(_PATTERN, f"note-{note_id}")
        yield RawRows(opened, row)


async def beside_raw_inserts(
    run: Run,
    subject: str,
    name: str,
    at_once: int,
    once: Callable[[int], Awaitable[None]],
    raw: RawRows,
    conditions: str,
) -> list[Measurement]:
    """How often a second ours is done, beside both limits; and the CPU time that it takes."""
    figures = await in_turn(
        run,
        repeated(at_once, once),
        limit=repeated(at_once, raw.insert_and_commit),
        autocommit=repeated(at_once, raw.insert_in_autocommit),
    )
    told = run.told(conditions)
    limit = Reference(_LIMIT, figures["limit"])
    autocommit = Reference("asyncpg insert in autocommit", figures["autocommit"])
    microseconds = Reference(_LIMIT, figures.microseconds["limit"])
    beside, cpu = f"{name}, beside autocommit", f"{name}, CPU of each"
    both = f"{told}; CPU of the client's process and PostgreSQL's"
    return [
        line(subject, name, figures["ours"], limit, unit="/s", conditions=told),
        line(subject, beside, figures["ours"], autocommit, unit="/s", conditions=told),
        line(subject, cpu, figures.microseconds["ours"], microseconds, unit="µs", conditions=both),
    ]


_LIMIT = "asyncpg begin, insert, commit"
_TABLE = """
    create table if not exists raw_rows (
        position bigint generated always as identity primary key,
        stream text not null, category text not null, version int not null, type text not null,
        schema smallint not null, data json not null, meta jsonb not null, hash bytea not null,
        recorded_at timestamptz not null default clock_timestamp())"""
_PATTERN = "select category, version, type, schema, data, meta, hash from events where stream = $1"
_INSERT = """
    insert into raw_rows (stream, category, version, type, schema, data, meta, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"""
