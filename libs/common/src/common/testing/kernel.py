"""A whole kernel on a fresh database, around the example aggregate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import common.testing
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.kernel import Kernel, KernelDeclaration, open_kernel
from common.migrations import prepare_database
from common.testing.example import NOTES, NoteEvent, publish

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXAMPLE = KernelDeclaration(
    source="example",
    events=(NoteEvent,),
    projections=(NOTES,),
    publish=publish,
    migrations=Path(common.testing.__path__[0]) / "migrations",
)


def cause(command_id: UUID | None = None, **more: Any) -> Cause:
    """A cause as a request would give it."""
    return Cause(command_id or uuid4(), NOW, **more)


async def migrated_database(postgres: EmbeddedPostgres, migrations: Path) -> str:
    """The address of a fresh database with a service's tables: a copy, for migrating is a process
    of its own and takes seconds."""
    pattern = f"migrated_{sha256(str(migrations).encode()).hexdigest()[:16]}"
    if (postgres.pid, pattern) not in _MIGRATED:
        await prepare_database(await postgres.create_database(pattern), migrations)
        _MIGRATED.add((postgres.pid, pattern))
    return await postgres.create_database(f"kernel_{uuid4().hex}", template=pattern)


_MIGRATED: set[tuple[int, str]] = set()


@asynccontextmanager
async def kernel_on(
    postgres: EmbeddedPostgres, declaration: KernelDeclaration = EXAMPLE, *, pool_size: int = 10
) -> AsyncIterator[Kernel]:
    """A kernel on a database of its own."""
    dsn = await migrated_database(postgres, declaration.migrations)
    async with kernel_at(dsn, declaration, pool_size=pool_size) as kernel:
        yield kernel


@asynccontextmanager
async def kernel_at(
    dsn: str, declaration: KernelDeclaration = EXAMPLE, *, pool_size: int = 10
) -> AsyncIterator[Kernel]:
    """Another kernel on a database that exists: as a second process would have it."""
    keys = {"data_key": b"d" * 32, "wire_key": b"w" * 32}
    async with open_kernel(declaration, dsn=dsn, pool_size=pool_size, **keys) as kernel:
        yield kernel
