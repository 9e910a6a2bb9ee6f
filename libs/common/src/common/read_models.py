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
from typing import Any, NamedTuple

import asyncpg
import sqlalchemy as sa
import structlog

from common.database import Database, Transaction
from common.event_store import EventStore
from common.event_types import classes_of
from common.problems import Refusal
from common.shadow_tables import created, make_beside, take_their_place
from common.statements import Write

log = structlog.get_logger(__name__)

PAGE, SLICE = 2_000, 200
"""Events per round of a rebuild, of which two are in memory; and per turn of the processor."""

LOCK_MILLISECONDS, LOCK_ATTEMPTS = 800, 40
"""Longer in all than a statement of a service may take."""


class Stamp(NamedTuple):
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
        shape = "\n".join(created(table) for table in self.tables)
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
            await take_their_place(owner, fold.schema, read_model.tables)
            await owner.execute(_LIVE, read_model.name, read_model.signature, fold.position)
        log.info("read_model_built", read_model=read_model.name, events=fold.events)
        return fold.events


class RebuildUnderWay(Exception):
    """Another process is building or comparing this read model at this moment."""


class WritersBusy(Exception):
    """A transaction on the live tables did not end; nothing was changed."""


class Fold:
    """Reads the log page by page into tables beside the live ones.

    While PostgreSQL writes what follows from a page, the next one is read and unsealed.
    """

    def __init__(
        self, database: Database, store: EventStore, read_model: ReadModel, schema: str
    ) -> None:
        self.schema = schema
        self._database = database
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
            page = await self._read_ahead(self.position, horizon)
            while page is not None:
                following, _ = await asyncio.gather(
                    self._read_ahead(page.end, horizon), self._write(connection, page)
                )
                if on_progress:
                    on_progress(self.events, self.position, horizon)
                page = following

    async def to_the_end(self, connection: asyncpg.Connection) -> None:
        """Apply what the connection's transaction sees beyond: no writer may be under way there."""
        end = await connection.fetchval(_END)
        while self.position < end:
            page = await self._read(Transaction(connection), self.position, end)
            await self._write(connection, page)

    async def _read_ahead(self, after: int, until: int) -> "_Page | None":
        """What follows a position, by a connection of its own; None at the end."""
        if after >= until:
            return None
        async with self._database.reader() as reader:
            return await self._read(reader, after, until)

    async def _read(self, reader: Transaction, after: int, until: int) -> "_Page":
        rows = await reader.connection.fetch(_PAGE, after, until, PAGE, self._types)
        writes: list[Write] = []
        for start in range(0, len(rows), SLICE):
            some = rows[start : start + SLICE]
            for row, event in zip(some, await self._store.events_of(reader, some), strict=True):
                stamp = Stamp(row["stream"], row["version"])
                writes += self._read_model.project(event, stamp)
            await asyncio.sleep(0)  # the writes of the page before are fed meanwhile
        end = rows[-1]["log_position"] if len(rows) == PAGE else until
        return _Page(end, len(rows), writes)

    async def _write(self, connection: asyncpg.Connection, page: "_Page") -> None:
        async with connection.transaction():
            # the writes are regrouped: a unique key may be taken before its owner gave it up
            await connection.execute(
                f'set local search_path = "{self.schema}", public; set constraints all deferred'
            )
            await Transaction(connection).write(page.writes)
            await connection.execute(
                "set constraints all immediate; set local search_path = public"
            )
        self.position = page.end
        self.events += page.events


class _Page(NamedTuple):
    """Some events and what follows from them; `end` is where the next page begins."""

    end: int
    events: int
    writes: list[Write]


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
        await make_beside(owner, schema, read_model.tables)
        try:
            yield owner, Fold(database, store, read_model, schema)
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
    select position as log_position, stream, version, type, schema, data
      from events where position > $1 and position <= $2 and type = any($4::text[])
     order by position limit $3"""
