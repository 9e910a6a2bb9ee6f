"""What a backup brings back, and that a broken off one leaves nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from common.backup_archive import Kind
from common.backup_folder import (
    BackupFolder,
)
from common.backup_reading import check_backup
from common.backups import BackupUnderWay
from common.database import OUTCOME_UNKNOWN
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.read_models import rebuild
from common.restoring import (
    DatabaseNotEmpty,
)
from common.testing.backups import KEY, backed_up, restored, whole_log, write, write_thirty
from common.testing.example import ALL_NOTES, NOTE, NOTES, ChangeNote
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_at, kernel_on
from common.testing.waiting import eventually
from common.verification import verify_log


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder("example", tmp_path / "backups", KEY)


@pytest.fixture
async def written(kernel: Kernel) -> list[UUID]:
    return await write_thirty(kernel)


async def rows(kernel: Kernel) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await kernel.database.fetch(ALL_NOTES)]


async def test_a_backup_brings_every_event_and_view_back_into_an_empty_database(
    postgres: EmbeddedPostgres, kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    dsn = await postgres.create_database(f"empty_{uuid4().hex}")

    result = await restored(folder, dsn, file)

    assert (result.events, result.safety, result.erased_since) == (45, [], [])
    assert await whole_log(dsn) == await whole_log(kernel.database.dsn)
    async with kernel_at(dsn) as again:
        assert await rows(again) == await rows(kernel)
        assert [flaw async for flaw in verify_log(again.database)] == []
        assert await rebuild(again.database, again.store, NOTES) == 45
        # the log goes on, beyond every position that a cursor may have passed
        await again.commands.handle(NOTE, written[0], ChangeNote(written[0], "on"), cause())
        assert len(await whole_log(dsn)) == 46


async def test_a_database_with_events_is_replaced_only_when_asked_and_backed_up_before(
    kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    before = await whole_log(kernel.database.dsn)
    await write(kernel, "after the backup")
    with pytest.raises(DatabaseNotEmpty):
        await restored(folder, kernel.database.dsn, file)
    assert len(await whole_log(kernel.database.dsn)) == len(before) + 1

    result = await restored(folder, kernel.database.dsn, file, replace=True)

    (safety,) = result.safety
    assert await whole_log(kernel.database.dsn) == before
    assert (await check_backup(folder, folder.path / safety)).rows["events"] == len(before) + 1
    # this process goes on with the restored log; its sessions ended with the former one
    await eventually(lambda: answers(kernel, written[0]), what="the next command")
    assert len(await whole_log(kernel.database.dsn)) == len(before) + 1


async def answers(kernel: Kernel, id: UUID) -> bool:
    """Whether a command is carried out; a connection that was ended fails once."""
    try:
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "again"), cause())
    except OUTCOME_UNKNOWN:
        return False
    return True


async def test_who_was_erased_after_the_backup_stays_erased(
    kernel: Kernel, folder: BackupFolder
) -> None:
    ann, ben = uuid4(), uuid4()
    ids = [await write(kernel, "of Ann", ann), await write(kernel, "of Ben", ben)]
    file = await backed_up(kernel, folder)
    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, ann, NOW + timedelta(minutes=1))

    result = await restored(folder, kernel.database.dsn, file, replace=True)

    async with kernel_at(kernel.database.dsn) as again:
        texts = {row[0]: row[3] for row in await rows(again)}
    assert texts == {ids[0]: "", ids[1]: "of Ben"}
    assert result.erased_since == [ann]


async def test_only_the_newest_files_are_kept_and_keys_for_less_long(
    kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    few = replace(folder, kept=3, keys_kept=1)

    made = [(await backed_up(kernel, few)).filename for _ in range(5)]

    assert [file.filename for file in few.listed()] == made[:1:-1]
    (keys,) = few.listed(Kind.KEYS)
    assert keys.filename.removesuffix(".keys") == made[-1].removesuffix(".backup")


async def test_one_backup_at_a_time_and_a_killed_one_leaves_no_lock_and_no_file(
    kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    both = await asyncio.gather(
        backed_up(kernel, folder), backed_up(kernel, folder), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in both) == ["BackupFile", "BackupUnderWay"]
    assert BackupUnderWay in [type(one) for one in both]

    # what a process leaves that is killed while it writes
    (folder.path / "example-20200101T000000000Z.backup.part").write_bytes(b"half")
    task = asyncio.ensure_future(backed_up(kernel, folder))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    again = await backed_up(kernel, folder)
    assert (await check_backup(folder, folder.path / again.filename)).rows["events"] == 45
    assert [path for path in folder.path.iterdir() if path.suffix == ".part"] == []


async def test_a_restore_that_is_broken_off_changes_nothing_and_can_be_done_again(
    postgres: EmbeddedPostgres, kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    await write(kernel, "after the backup")
    before = await whole_log(kernel.database.dsn)
    dsn = kernel.database.dsn
    restoring = asyncio.ensure_future(restored(folder, dsn, file, replace=True))
    server = await asyncpg.connect(postgres.dsn("postgres"))
    await eventually(
        lambda: server.fetchval("select count(*) from pg_database where datname ~ '_restoring$'"),
        what="the database beside",
    )
    restoring.cancel()
    await asyncio.gather(restoring, return_exceptions=True)
    await server.close()

    assert await whole_log(dsn) == before
    assert (await restored(folder, dsn, file, replace=True)).events == 45
    assert len(await whole_log(dsn)) == 45


async def test_a_backup_of_an_older_revision_is_migrated_on_the_way(
    postgres: EmbeddedPostgres, folder: BackupFolder, tmp_path: Path
) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_bytes((EXAMPLE.migrations / "env.py").read_bytes())
    for file in sorted((EXAMPLE.migrations / "versions").glob("*.py"))[:-1]:
        (versions / file.name).write_bytes(file.read_bytes())
    async with kernel_on(postgres, replace(EXAMPLE, migrations=versions.parent)) as older:
        id = await write(older, "long ago")
        made = await backed_up(older, folder)
    dsn = await postgres.create_database(f"empty_{uuid4().hex}")

    await restored(folder, dsn, made)

    async with kernel_at(dsn) as again:
        assert [row[0] for row in await rows(again)] == [id]
