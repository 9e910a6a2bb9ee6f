"""One real PostgreSQL a process of tests, one database of its own for whoever asks."""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from common.embedded_postgres import EmbeddedPostgres
from common.testing.faults.postgres_server import restartable_postgres

HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}
"""A test never ends the operating system, and no database of a test lives for long: what guards
against the one and the other takes longer than most tests."""
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 4 * 2**30
"""A database is three hundred small files: made here ten times as fast as on a disk."""


@contextmanager
def temporary_postgres() -> Iterator[EmbeddedPostgres]:
    """A server in a temporary folder; it lasts as long as this process and is shared.

    Databases and roles need names of their own: others do not expect yours.
    """
    yield _server()


async def copy_database(postgres: EmbeddedPostgres, pattern: str, name: str) -> str:
    """A new database like another, to which nobody is connected; its address."""
    copy = f'create database "{name}" template "{pattern}" strategy file_copy'
    await _execute(postgres, copy)
    return postgres.dsn(name)


async def drop_database(postgres: EmbeddedPostgres, dsn: str) -> None:
    """Remove it, whoever is connected to it."""
    name = urlsplit(dsn).path.removeprefix("/")
    await _execute(postgres, f'drop database "{name}" with (force)')


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@cache
def _server() -> EmbeddedPostgres:
    """At most one a process, since making and stopping it takes seconds."""
    stack = ExitStack()
    postgres = stack.enter_context(restartable_postgres(_roomy_memory()))
    atexit.register(stack.close)
    postgres.configure(HASTY)
    return postgres.server


def _roomy_memory() -> Path | None:
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        return MEMORY
    return None
