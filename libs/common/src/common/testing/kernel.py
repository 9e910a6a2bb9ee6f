"""A whole kernel on a fresh database, around the example aggregate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from uuid import UUID, uuid4

from common.command_handling import Commands
from common.database import Database
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause, EventStore
from common.event_types import EventTypes
from common.log_followers import Wake
from common.migrations import prepare_database, prepare_views_once
from common.personal_data import SubjectKeys
from common.read_models import Projections
from common.snapshots import Snapshots
from common.testing.example import NOTES, NoteEvent
from common.wire import WireSeal

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DATA_KEY = b"d" * 32
WIRE_KEY = b"w" * 32


@dataclass
class Kernel:
    """What a service is made of, before any HTTP."""

    dsn: str
    database: Database
    store: EventStore
    commands: Commands
    wake: Wake
    seal: WireSeal


def cause(command_id: UUID | None = None, **more: object) -> Cause:
    """A cause as a request would give it."""
    return Cause(command_id or uuid4(), NOW, **more)  # type: ignore[arg-type] # a shorthand


@asynccontextmanager
async def kernel_on(
    postgres: EmbeddedPostgres, *, snapshots: Snapshots | None = None
) -> AsyncIterator[Kernel]:
    """A kernel on a database of its own."""
    dsn = await postgres.create_database(f"kernel_{uuid4().hex}")
    with as_file(files("common.testing") / "migrations") as migrations:
        await prepare_database(dsn, migrations)
    async with kernel_at(dsn, snapshots=snapshots) as kernel:
        yield kernel


@asynccontextmanager
async def kernel_at(dsn: str, *, snapshots: Snapshots | None = None) -> AsyncIterator[Kernel]:
    """Another kernel on a database that exists: as a second process would have it."""
    database = await Database.connect(dsn, size=10)
    store = EventStore("example", EventTypes(NoteEvent), SubjectKeys(DATA_KEY))
    try:
        await prepare_views_once(database, store, [NOTES])
        wake = Wake()
        commands = Commands(database, store, Projections([NOTES]), wake, snapshots)
        yield Kernel(dsn, database, store, commands, wake, WireSeal(WIRE_KEY))
    finally:
        await database.close()
