"""Tables to read, made of events by pure functions; and how such tables are built anew.

A read model is written in the transaction that appends its events, so a client reads its own write.
Its tables are made from its declaration, never by a migration: when the declaration or `version`
differs from what the database holds, the tables are built beside the live ones from the whole log
and take their place in one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where an event stands: its stream and its version there."""

    stream: str
    version: int


@dataclass(frozen=True)
class Projection:
    """Rows that follow from events, written with them. `refusals` maps a violated unique key to
    the refusal that it means."""

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

    async def apply(self, transaction: Transaction, writes: Sequence[Write]) -> None:
        """Do the writes; a violated unique key becomes the refusal that was declared for it."""
        try:
            await transaction.write(writes)
        except asyncpg.UniqueViolationError as error:
            refusal = self._refusals.get(error.constraint_name)
            if refusal is None:
                raise
            raise refusal from error


async def prepare_views(
    database: Database, store: EventStore, read_models: Sequence[ReadModel]
) -> None:
    """Bring every read model's tables up to the code: build those that are missing or differ."""
    for read_model in read_models:
        async with database.reader() as reader:
            row = await reader.connection.fetchrow(_VIEW, read_model.name)
        if row is None or row["version"] != read_model.signature:
            await rebuild(database, store, read_model)


async def rebuild(database: Database, store: EventStore, read_model: ReadModel) -> int:
    """Build the tables beside the live ones and switch; return the number of events read.

    Writers go on until the switch, which waits for those under way and holds off new ones while the
    last events are applied. Raises `RebuildUnderWay` when another process rebuilds this read model.
    """
    async with database.owner() as owner:
        if not await owner.fetchval(_TRY_LOCK, f"rebuild {read_model.name}"):
            raise RebuildUnderWay(read_model.name)
        shadow = f"building_{read_model.name}"
        await _make_shadow(owner, shadow, read_model)
        feed = _Feed(owner, store, read_model, shadow)
        while await feed.page(_UP_TO_HORIZON):
            pass
        async with owner.transaction():
            await _hold_writers(owner, read_model)
            while await feed.page(_UP_TO_END):
                pass
            await _switch(owner, shadow, read_model, feed.position)
        log.info("read_model_built", read_model=read_model.name, events=feed.events)
        return feed.events


class RebuildUnderWay(Exception):
    """Another process is building this read model at this moment."""


class _Feed:
    """Reads the log page by page into the shadow tables."""

    def __init__(
        self, owner: asyncpg.Connection, store: EventStore, read_model: ReadModel, shadow: str
    ) -> None:
        self._owner = owner
        self._store = store
        self._read_model = read_model
        self._shadow = shadow
        self._classes = set(classes_of(read_model.events))
        self._types = [t.name for t in store.types if t.cls in self._classes]
        self.position = 0
        self.events = 0

    async def page(self, query: str) -> bool:
        """Apply one page; whether there may be more."""
        async with self._owner.transaction():
            rows = await self._owner.fetch(query, self.position, PAGE, self._types)
            found = [row for row in rows if row["log_position"] is not None]
            transaction = Transaction(self._owner)
            recorded = await self._store.recorded(transaction, found)
            await self._owner.execute(f'set local search_path = "{self._shadow}", public')
            writes = [
                write
                for record in recorded
                for write in self._read_model.project(
                    record.event, Stamp(record.stream, record.version)
                )
            ]
            await transaction.write(writes)
            await self._owner.execute("set local search_path = public")
        if found:
            self.position = found[-1]["log_position"]
        self.events += len(found)
        return len(found) == PAGE


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


async def _hold_writers(owner: asyncpg.Connection, read_model: ReadModel) -> None:
    """Wait for writers of the live tables and keep new ones out until the commit.

    A writer touches its read models before it appends, so whoever is past this point has committed
    and the rest of the log can be read to its end without looking at the horizon.
    """
    for table in read_model.tables:
        if await owner.fetchval("select to_regclass($1)", f'public."{table.name}"'):
            await owner.execute(f'lock table public."{table.name}" in access exclusive mode')


async def _switch(
    owner: asyncpg.Connection, shadow: str, read_model: ReadModel, position: int
) -> None:
    for table in read_model.tables:
        await owner.execute(f'drop table if exists public."{table.name}"')
        await owner.execute(f'alter table "{shadow}"."{table.name}" set schema public')
    await owner.execute(f'drop schema "{shadow}" cascade')
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
_VIEW = "select version, status, position from views where name = $1"
_LIVE = """
    insert into views (name, version, status, position) values ($1, $2, 'live', $3)
        on conflict (name) do update set version = excluded.version, status = excluded.status,
                                         position = excluded.position"""
_UP_TO_HORIZON = """
    select log_position, stream, version, type, schema, data, meta, recorded_at
      from events_after($1, $2) where type = any($3::text[])"""
_UP_TO_END = """
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where position > $1 and type = any($3::text[]) order by position limit $2"""
