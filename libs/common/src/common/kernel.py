"""What every event-sourced service stands on, opened in the right order."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from common.command_handling import Commands
from common.database import Database, OnConnect
from common.database_waiting import refused
from common.event_store import EventStore
from common.event_types import EventTypes, Upcaster
from common.feed import Feed, LogFeed
from common.log_followers import Wake, begin_followers, processor_cursor
from common.migrations import (
    DatabaseUnfit,
    MigrationFailed,
    prepare_database,
    prepare_views_once,
)
from common.personal_data import SubjectKeys
from common.read_models import Projection, Projections, ReadModel
from common.relay import Publish
from common.reporting import start_reporting
from common.settings import ServiceSettings, StartRefused
from common.snapshots import SnapshotPolicy, Snapshots
from common.wire import WireSeal


class Files(Protocol):
    """Where uploaded files lie, by names such as `avatars/0198…/0199…`."""

    def walk(self) -> AsyncIterator[str]:
        """All names."""
        ...

    async def get(self, key: str) -> bytes | None:
        """A file, if it is there."""
        ...

    async def put(self, key: str, content: bytes) -> None:
        """Keep it."""
        ...


@dataclass(frozen=True)
class KernelDeclaration:
    """What is a service's own: its name, its events, what follows from them, its migrations.

    `processors` are named here, where the API knows them too: what happens between its start and
    that of the first worker is theirs.
    """

    source: str
    events: Sequence[object]
    projections: Sequence[Projection]
    publish: Publish
    migrations: Path
    upcasters: Mapping[tuple[str, int], Upcaster] = field(default_factory=dict)
    snapshots: Sequence[SnapshotPolicy] = ()
    processors: Sequence[str] = ()
    files: Callable[[Any], Files] | None = None
    """Opens, by the service's settings, where it keeps what people upload."""
    openapi: Path | None = None
    """The document of its API as it is recorded."""
    personal_tables: Sequence[str] = ()
    """Tables of its own that show persons in clear: backed up with their keys, kept as briefly."""

    @property
    def read_models(self) -> list[ReadModel]:
        """Those projections that can be built anew."""
        return [p for p in self.projections if isinstance(p, ReadModel)]


@dataclass(frozen=True)
class Kernel:
    """One service's log, database and commands in this process."""

    declaration: KernelDeclaration
    database: Database
    store: EventStore
    commands: Commands
    wake: Wake
    seal: WireSeal

    @property
    def feed(self) -> Feed:
        """Its public messages, for those who missed some."""
        return LogFeed(self.database, self.store, self.declaration.publish, self.seal)


@asynccontextmanager
async def open_kernel(
    declaration: KernelDeclaration,
    *,
    dsn: str,
    data_key: bytes,
    wire_key: bytes,
    pool_size: int = 10,
) -> AsyncIterator[Kernel]:
    """Wait for the database, migrate it, build missing read models, and open the pool.

    Raises `DatabaseUnfit` and `MigrationFailed`.
    """
    await prepare_database(dsn, declaration.migrations)
    async with attach_kernel(
        declaration, dsn=dsn, data_key=data_key, wire_key=wire_key, pool_size=pool_size
    ) as kernel:
        await prepare_views_once(kernel.database, kernel.store, declaration.read_models)
        await begin_followers(kernel.database, map(processor_cursor, declaration.processors))
        yield kernel


@asynccontextmanager
async def attach_kernel(
    declaration: KernelDeclaration,
    *,
    dsn: str,
    data_key: bytes,
    wire_key: bytes,
    pool_size: int = 10,
) -> AsyncIterator[Kernel]:
    """The same on a database as it is: for tools, which must neither migrate nor build."""
    types = EventTypes(*declaration.events, upcasters=declaration.upcasters)
    store = EventStore(declaration.source, types, SubjectKeys(data_key))
    database = await Database.connect(dsn, size=pool_size, on_connect=_learning(store))
    try:
        wake = Wake()
        projections = Projections(declaration.projections)
        snapshots = Snapshots(declaration.snapshots)
        commands = Commands(database, store, projections, wake, snapshots)
        yield Kernel(declaration, database, store, commands, wake, WireSeal(wire_key))
    finally:
        await database.close()


@asynccontextmanager
async def open_kernel_of(
    declaration: KernelDeclaration, settings: ServiceSettings
) -> AsyncIterator[Kernel]:
    """The service's log, database and commands, as its settings say.

    It is a process's start: raises `StartRefused` where the database will not do.
    """
    start_reporting(declaration.source, settings)
    opening = open_kernel(
        declaration,
        dsn=settings.database_url,
        data_key=settings.data_key_bytes,
        wire_key=settings.wire_key_bytes,
        pool_size=settings.pool_size,
    )
    async with AsyncExitStack() as stack:
        try:
            kernel = await stack.enter_async_context(opening)
        except asyncpg.InsufficientPrivilegeError as error:
            remedy = "it must own the database and be allowed to create roles"
            raise refused(settings.database_url, error, remedy) from None
        except (DatabaseUnfit, MigrationFailed) as error:
            raise StartRefused(f"cannot start: {declaration.source}: {error}") from None
        yield kernel


def _learning(store: EventStore) -> OnConnect:
    """A restore ends every connection: who opens one learns of it before asking anything else."""

    async def learn(connection: asyncpg.Connection) -> None:
        if await store.epochs.refresh(connection):
            store.keys.forget_all()

    return learn
