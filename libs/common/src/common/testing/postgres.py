"""One real PostgreSQL a test session, one database of its own for whoever asks."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.embedded_postgres import EmbeddedPostgres, embedded_postgres


@contextmanager
def temporary_postgres() -> Iterator[EmbeddedPostgres]:
    """A server in a temporary folder, stopped and removed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="cartulary-pg-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "data") as server,
    ):
        yield server
