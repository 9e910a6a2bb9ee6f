"""A whole kernel on a fresh database, around the example aggregate."""

import os
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
from common.kernel import Kernel, KernelDeclaration, attach_kernel, open_kernel
from common.migration_process import upgrade
from common.migrations import newest_revision, prepare_database, prepare_views_once
from common.testing.example import NOTES, NoteEvent, publish
from common.testing.postgres import copy_database, drop_database

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXAMPLE = KernelDeclaration(
    source="example",
    events=(NoteEvent,),
    projections=(NOTES,),
    publish=publish,
    migrations=Path(common.testing.__path__[0]) / "migrations",
)
KEYS = {"data_key": b"d" * 32, "wire_key": b"w" * 32}


def cause(command_id: UUID | None = None, **more: Any) -> Cause:
    """A cause as a request would give it."""
    return Cause(command_id or uuid4(), NOW, **more)


async def prepared_database(postgres: EmbeddedPostgres, declaration: KernelDeclaration) -> str:
    """The address of a fresh database with a service's tables and views: a copy, for making them
    asks more of PostgreSQL than copying all of it."""
    migrated = _name("migrated", declaration.migrations)
    if (postgres.pid, migrated) not in _PATTERNS:
        dsn, folder = await postgres.create_database(migrated), declaration.migrations
        # in this process: one of its own takes longer
        await upgrade(dsn, folder, newest_revision(folder))
        await prepare_database(dsn, folder)
        _PATTERNS.add((postgres.pid, migrated))
    views = [(view.name, view.signature) for view in declaration.read_models]
    prepared = _name("prepared", declaration.migrations, views)
    if (postgres.pid, prepared) not in _PATTERNS:
        dsn = await copy_database(postgres, migrated, prepared)
        async with attach_kernel(declaration, dsn=dsn, **KEYS, pool_size=1) as kernel:
            await prepare_views_once(kernel.database, kernel.store, declaration.read_models)
        _PATTERNS.add((postgres.pid, prepared))
    return await copy_database(postgres, prepared, f"kernel_{uuid4().hex}")


@asynccontextmanager
async def kernel_on(
    postgres: EmbeddedPostgres, declaration: KernelDeclaration = EXAMPLE, *, pool_size: int = 10
) -> AsyncIterator[Kernel]:
    """A kernel on a database of its own."""
    dsn = await prepared_database(postgres, declaration)
    async with kernel_at(dsn, declaration, pool_size=pool_size) as kernel:
        yield kernel
    await drop_database(postgres, dsn)


@asynccontextmanager
async def kernel_at(
    dsn: str, declaration: KernelDeclaration = EXAMPLE, *, pool_size: int = 10
) -> AsyncIterator[Kernel]:
    """Another kernel on a database that exists: as a second process would have it."""
    async with open_kernel(declaration, dsn=dsn, pool_size=pool_size, **KEYS) as kernel:
        yield kernel


def _name(kind: str, *of: Any) -> str:
    """This process's own: another one may have made its patterns on the same server."""
    return f"{kind}_{os.getpid()}_{sha256(repr(of).encode()).hexdigest()[:16]}"


_PATTERNS: set[tuple[int, str]] = set()
"""Those that are there, by server."""
