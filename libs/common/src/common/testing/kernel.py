"""A whole kernel on a fresh database, around the example aggregate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import common.testing
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.kernel import Kernel, KernelDeclaration, open_kernel
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


@asynccontextmanager
async def kernel_on(
    postgres: EmbeddedPostgres, declaration: KernelDeclaration = EXAMPLE
) -> AsyncIterator[Kernel]:
    """A kernel on a database of its own."""
    dsn = await postgres.create_database(f"kernel_{uuid4().hex}")
    async with kernel_at(dsn, declaration) as kernel:
        yield kernel


@asynccontextmanager
async def kernel_at(dsn: str, declaration: KernelDeclaration = EXAMPLE) -> AsyncIterator[Kernel]:
    """Another kernel on a database that exists: as a second process would have it."""
    async with open_kernel(declaration, dsn=dsn, data_key=b"d" * 32, wire_key=b"w" * 32) as kernel:
        yield kernel
