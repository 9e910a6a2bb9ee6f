"""Tables to read, made of events by pure functions; and how such tables are built anew.

A read model is written in the transaction that appends its events, so a client reads its own write.
Its tables are made from its declaration, never by a migration: when the declaration or `version`
differs from what the database holds, the tables are built beside the live ones from the whole log
and take their place in one transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import asyncpg
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from common.database import SERVICE_ROLE, Database, Transaction
from common.event_store import EventStore
from common.event_types import classes_of
from common.problems import Refusal
from common.statements import Write

log = structlog.get_logger(__name__)

PAGE = 5_000
"""Events per round of a rebuild: few round trips, some megabytes."""

LOCK_MILLISECONDS, LOCK_ATTEMPTS = 800, 40
"""Longer in all than a statement of a service may take."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where an event stands: its stream and its version there."""

    stream: str
    version: int


@dataclass(frozen=True)
class Projection:
    """Rows that follow from events, written with them. `refusals` maps a violated constraint, or
    `table.column` for a null that is not allowed, to the refusal that it means."""

    events: Any
    project: Callable[[Any, Stamp], Iterable[Write]]
    refusals: Mapping[str, type[Refusal]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadModel(Projection):
    """A projection whose tables can be thrown away and built from the log."""

    name: str = ""
    tables: Sequence[sa.Table] = ()
    version: int = 1

    @property
    def signature(self) -> str:
        """What the tables must have been built with: the version and the tables' shape."""
        shape = "\n".join(_create(table) for table in self.tables)
        return f"{self.version}:{sha256(shape.encode()).hexdigest()[:16]}"


class Projections:
    """All projections of a service, found by the class of an event."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self._by_class: dict[type, list[Projection]] = {}
        for projection in projections:
            for cls in classes_of(projection.events):
                self._by_class.setdefault(cls, []).append(projection)
        self._refusals = {
            constraint: refusal
            for projection in projections
            for constraint, refusal in projection.refusals.items()
        }

    def writes(self, event: object, stamp: Stamp) -> Iterable[Write]:
        """What follows from one event."""
        for projection in self._by_class.get(type(event), ()):
            yield from projection.project(event, stamp)

    def refusal_of(self, error: asyncpg.IntegrityConstraintViolationError) -> type[Refusal] | None:
        """What a violated constraint means, if that was declared."""
        rule = error.constraint_name or f"{error.table_name}.{error.column_name}"
        return self._refusals.get(rule)


async def prepare_views(
    database: Database, store: EventStore, read_models: Sequence[ReadModel]
) -> None:
    """Bring every read model's tables up to the code: build those that are missing or differ.

    Waits while another process builds one, and then looks again.
    """
    for read_model in read_models:
        while await _signature(database, read_model) != read_model.signature:
            try:
                await rebuild(database, store, read_model)
            except RebuildUnderWay:
                await asyncio.sleep(1)


async def _signature(database: Database, read_model: ReadModel) -> str | None:
    async with database.reader() as reader:
        found: str | None = await reader.connection.fetchval(_SIGNATURE, read_model.name)
    return found


OnProgress = Callable[[int, int, int], None]
"""(events read, position reached, horizon), after each page."""


async def rebuild(
    database: Database,
    store: EventStore,
    read_model: ReadModel,
    on_progress: OnProgress | None = None,
) -> int:
    """Build the tables beside the live ones and switch; return the number of events read.

    Writers go on until the switch, which waits for those under way and holds off new ones while the
    last events are applied. Interrupted, it leaves the live tables as they were. Raises
    `RebuildUnderWay` when another process works on this read model, `WritersBusy`.
    """
    async with beside(database, store, read_model, "building") as (owner, fold):
        await fold.up_to_horizon(owner, on_progress)
        async with writers_held(owner, read_model, "access exclusive"):
            await fold.to_the_end(owner)
            await _switch(owner, fold.schema, read_model, fold.position)
        log.info("read_model_built", read_model=read_model.name, events=fold.events)
        return fold.events


class RebuildUnderWay(Exception):
    """Another process is building or comparing this read model at this moment."""


class WritersBusy(Exception):
    """A transaction on the live tables did not end; nothing was changed."""


class Fold:
    """Reads the log page by page into tables beside the live ones."""

    def __init__(self, store: EventStore, read_model: ReadModel, schema: str) -> None:
        self.schema = schema
        self._store = store
        self._read_model = read_model
        classes = set(classes_of(read_model.events))
        self._types = [t.name for t in store.types if t.cls in classes]
        self.position = 0
        self.events = 0

    async def up_to_horizon(
        self, connection: asyncpg.Connection, on_progress: OnProgress | None = None
    ) -> None:
        """Follow until less than a page is left."""
        horizon = PAGE
        while horizon - self.position >= PAGE:
            horizon = await connection.fetchval(_HORIZON)
            while self.position < horizon:
                await self._page(connection, horizon)
                if on_progress:
                    on_progress(self.events, self.position, horizon)

    async def to_the_end(self, connection: asyncpg.Connection) -> None:
        """Apply what the connection's transaction sees beyond: no writer may be under way there."""
        end = await connection.fetchval(_END)
        while self.position < end:
            await self._page(connection, end)

    async def _page(self, connection: asyncpg.Connection, until: int) -> None:
        async with connection.transaction():
            rows = await connection.fetch(_PAGE, self.position, until, PAGE, self._types)
            transaction = Transaction(connection)
            recorded = await self._store.recorded(transaction, rows)
            await connection.execute(f'set local search_path = "{self.schema}", public')
            # the writes are regrouped: a unique key may be taken before its owner gave it up
            await connection.execute("set constraints all deferred")
            writes = [
                write
                for record in recorded
                for write in self._read_model.project(
                    record.event, Stamp(record.stream, record.version)
                )
            ]
            await transaction.write(writes)
            await connection.execute("set constraints all immediate")
            await connection.execute("set local search_path = public")
        self.position = rows[-1]["log_position"] if len(rows) == PAGE else until
        self.events += len(rows)


@asynccontextmanager
async def beside(
    database: Database, store: EventStore, read_model: ReadModel, purpose: str
) -> AsyncIterator[tuple[asyncpg.Connection, Fold]]:
    """Empty tables in a schema of their own and a fold into them; gone at the end.

    One process at a time for each read model. What a killed one left is removed first.
    """
    schema = f"{purpose}_{read_model.name}"
    async with database.owner() as owner:
        if not await owner.fetchval(_TRY_LOCK, f"rebuild {read_model.name}"):
            raise RebuildUnderWay(read_model.name)
        await _make_shadow(owner, schema, read_model)
        try:
            yield owner, Fold(store, read_model, schema)
        finally:
            if not owner.is_closed():
                await owner.execute(f'drop schema if exists "{schema}" cascade')


@asynccontextmanager
async def writers_held(
    owner: asyncpg.Connection, read_model: ReadModel, mode: str
) -> AsyncIterator[None]:
    """A transaction in which nobody writes the live tables: those under way have ended.

    A writer touches its read models before it appends, so whoever is past this point has committed
    and the rest of the log can be read to its end without looking at the horizon. It asks for the
    lock briefly and again, since whoever comes after a waiting lock waits too, and since a
    deadlock (found after a second) would end a writer and not us. Raises `WritersBusy`.
    """
    tables = await owner.fetchval(_LIVE_TABLES, [table.name for table in read_model.tables])
    async with owner.transaction():
        for _ in range(LOCK_ATTEMPTS):
            with suppress(asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                async with owner.transaction():
                    await owner.execute(f"set local lock_timeout = {LOCK_MILLISECONDS}")
                    if tables:
                        await owner.execute(f"lock table {tables} in {mode} mode")
                break
            log.warning("writers_are_waited_for", read_model=read_model.name)
            await asyncio.sleep(LOCK_MILLISECONDS / 1000)
        else:
            raise WritersBusy(read_model.name)
        yield


async def _make_shadow(owner: asyncpg.Connection, shadow: str, read_model: ReadModel) -> None:
    async with owner.transaction():
        await owner.execute(f'drop schema if exists "{shadow}" cascade')
        await owner.execute(f'create schema "{shadow}"')
        await owner.execute(f'grant usage on schema "{shadow}" to {SERVICE_ROLE}')
        await owner.execute(f'set local search_path = "{shadow}"')
        for table in read_model.tables:
            await owner.execute(_create(table))
            await owner.execute(
                f'grant select, insert, update, delete on "{table.name}" to {SERVICE_ROLE}'
            )


async def _switch(
    owner: asyncpg.Connection, shadow: str, read_model: ReadModel, position: int
) -> None:
    for table in read_model.tables:
        await owner.execute(f'drop table if exists public."{table.name}"')
        await owner.execute(f'alter table "{shadow}"."{table.name}" set schema public')
    await owner.execute(_LIVE, read_model.name, read_model.signature, position)


def _create(table: sa.Table) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    statements: list[CreateTable | CreateIndex] = [CreateTable(table)]
    statements += [CreateIndex(index) for index in _indexes(table)]
    return ";\n".join(str(statement.compile(dialect=dialect)).strip() for statement in statements)


def _indexes(table: sa.Table) -> list[sa.Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


# the floor trigger's locks use the one-number key space; ours use the two-number one
_TRY_LOCK = "select pg_try_advisory_lock(hashtext('cartulary'), hashtext($1))"
_SIGNATURE = "select version from views where name = $1"
_LIVE = """
    insert into views (name, version, status, position) values ($1, $2, 'live', $3)
        on conflict (name) do update set version = excluded.version, status = excluded.status,
                                         position = excluded.position"""
_LIVE_TABLES = """
    select string_agg(format('public.%I', name), ', ' order by name)
      from unnest($1::text[]) as name where to_regclass(format('public.%I', name)) is not null"""
_HORIZON = "select horizon from events_after(0, 0) limit 1"
_END = "select coalesce(max(position), 0) from events"
_PAGE = """
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where position > $1 and position <= $2 and type = any($4::text[])
     order by position limit $3"""
