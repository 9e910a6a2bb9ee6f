"""The PostgreSQL of a run ends with it, and the next one never meets what is left of it."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import asyncpg
import psutil
import pytest
from common.embedded_postgres import FolderInUse, embedded_postgres
from common.testing.processes import Process, process
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

OWNER = """
import sys
from pathlib import Path
from threading import Event
from common.embedded_postgres import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    Event().wait()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: making the data takes longer than a start."""
    folder = tmp_path_factory.mktemp("embedded").resolve() / "postgres"
    with embedded_postgres(folder):
        return folder


@contextmanager
def owner(folder: Path, output: Path) -> Iterator[Process]:
    """A process with the folder's server."""
    with process(["-c", OWNER, str(folder)], {}, output) as started:
        yield started


async def server_of(started: Process) -> int:
    """The process id of the server that it tells of, once it does."""

    async def told() -> bool:
        return started.said().endswith("\n")

    await eventually(told, within=120, what="a server")
    return int(started.said().splitlines()[-1])


async def has_ended(pid: int) -> bool:
    """Whether it runs no more, though nobody may have asked how it ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_a_server_ends_in_good_order_with_its_killed_owner(
    folder: Path, tmp_path: Path
) -> None:
    with owner(folder, tmp_path / "said") as killed:
        server = await server_of(killed)
        killed.kill()
        await eventually(lambda: has_ended(server), what="the end of the server")
    assert not (folder / "postmaster.pid").exists()


async def test_a_server_that_nobody_ended_is_ended_before_the_next_begins(
    folder: Path, tmp_path: Path
) -> None:
    with owner(folder, tmp_path / "said") as killed:
        before = await server_of(killed)
        for watch in psutil.Process(killed.child.pid).children():
            watch.kill()
        killed.kill()
        assert not await has_ended(before)
        with embedded_postgres(folder) as after:
            assert await has_ended(before)
            connection = await asyncpg.connect(after.dsn("postgres"))
            assert await connection.fetchval("select 1") == 1
            await connection.close()
    await eventually(lambda: has_ended(after.pid), what="the end of the server")


async def test_a_folder_has_one_owner_at_a_time(folder: Path, tmp_path: Path) -> None:
    with owner(folder, tmp_path / "said") as first:
        server = await server_of(first)
        with pytest.raises(FolderInUse, match=str(folder.parent)), embedded_postgres(folder):
            pass
        assert not await has_ended(server)
        first.stop(signal.SIGKILL)
        await eventually(lambda: has_ended(server), what="the end of the server")


async def test_numbers_of_processes_that_are_others_by_now_are_not_believed(
    folder: Path,
) -> None:
    lines = [str(os.getpid()), str(folder), "1", "5432", str(folder), "", "1 2", "ready"]
    (folder / "postmaster.pid").write_text("\n".join(lines))
    (folder / ".handle_pids.json").write_text(json.dumps([os.getppid()]))
    with embedded_postgres(folder) as server:
        assert server.pid != os.getpid()
    await eventually(lambda: has_ended(server.pid), what="the end of the server")


def test_each_user_of_a_machine_has_a_lock_of_their_own(folder: Path) -> None:
    """One for all would be its first user's, and stop every other."""
    assert folder.exists()
    lock = Path(gettempdir()) / f"cartulary-{os.geteuid()}.lock"
    assert lock.stat().st_uid == os.geteuid()
