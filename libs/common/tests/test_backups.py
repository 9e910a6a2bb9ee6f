"""What a backup holds, what is refused, and that a failed or interrupted one leaves nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from common.backup_archive import BackupDamaged, BackupKeyWrong, Kind
from common.backup_folder import (
    BackupFile,
    BackupFolder,
    BackupFolderUnusable,
    BackupForeign,
    BackupNotFound,
)
from common.backups import BackupUnderWay, check_backup, create_backup
from common.database import OUTCOME_UNKNOWN
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.read_models import rebuild
from common.restoring import (
    BackupKeysMissing,
    BackupNotWhole,
    BackupTooNew,
    DatabaseNotEmpty,
    Restore,
    Restored,
    Secrets,
)
from common.testing.example import ALL_NOTES, NOTE, NOTES, ChangeNote, WriteNote
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_at, kernel_on
from common.testing.waiting import eventually
from common.verification import verify_log

KEY = b"b" * 32
SECRETS = Secrets(b"d" * 32, b"w" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder("example", tmp_path / "backups", KEY)


@pytest.fixture
async def written(kernel: Kernel) -> list[UUID]:
    """Thirty notes by as many people, half of them changed."""
    ids = [await write(kernel, f"text {n}") for n in range(30)]
    for id in ids[::2]:
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "changed"), cause())
    return ids


async def write(kernel: Kernel, text: str, author: UUID | None = None) -> UUID:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, author or uuid4(), str(id), text), cause())
    return id


async def backed_up(kernel: Kernel, folder: BackupFolder) -> BackupFile:
    return await create_backup(EXAMPLE, kernel.database.dsn, folder, NOW)


async def restored(
    folder: BackupFolder, dsn: str, file: BackupFile, *, replace: bool = False
) -> Restored:
    restore = Restore(EXAMPLE, dsn, SECRETS, folder)
    later = NOW + timedelta(hours=1)
    return await restore.run(folder.path / file.filename, later, replace=replace)


async def rows(kernel: Kernel) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await kernel.database.fetch(ALL_NOTES)]


async def whole_log(dsn: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch("select * from events order by position")
        return [tuple(row) for row in found]
    finally:
        await connection.close()


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


async def test_a_file_that_is_not_whole_is_refused_and_nothing_is_changed(
    kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    path = folder.path / file.filename
    good, before = path.read_bytes(), await whole_log(kernel.database.dsn)
    spoilt = {
        "cut": good[:-1],
        "cut at a chunk": good[: len(good) // 2],
        "empty": b"",
        "one bit in the header": good[:60] + bytes([good[60] ^ 1]) + good[61:],
        "one bit in a row": good[:-40] + bytes([good[-40] ^ 1]) + good[-39:],
        "something behind it": good + b"x",
        "no backup at all": b"PK\x03\x04" + bytes(1000),
    }

    for what, content in spoilt.items():
        path.write_bytes(content)
        with pytest.raises(BackupDamaged):
            await restored(folder, kernel.database.dsn, file, replace=True)
        assert await whole_log(kernel.database.dsn) == before, what
        assert len(folder.listed()) <= 1, "no safety backup either"


async def test_another_key_another_service_and_newer_code_are_refused(
    kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    path = folder.path / file.filename
    with pytest.raises(BackupKeyWrong):
        await restored(replace(folder, key=b"x" * 32), kernel.database.dsn, file, replace=True)
    with pytest.raises(BackupForeign):
        await restored(replace(folder, service="other"), kernel.database.dsn, file, replace=True)
    with pytest.raises(BackupForeign):
        replace(folder, service="other").find(file.filename)
    for name in (
        "../secrets.json",
        "example-1.backup",
        f"/etc/{file.filename}",
        f"{file.filename}\n",
    ):
        with pytest.raises(BackupNotFound):
            folder.find(name)
    older = replace(EXAMPLE, migrations=path.parent / "older")
    (older.migrations / "versions").mkdir(parents=True)
    (older.migrations / "versions" / "0001_kernel.py").touch()
    with pytest.raises(BackupTooNew):
        await Restore(older, kernel.database.dsn, SECRETS, folder).run(path, NOW, replace=True)


async def test_a_log_needs_keys_that_are_as_new(
    postgres: EmbeddedPostgres, kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    file = await backed_up(kernel, folder)
    for keys in folder.listed(Kind.KEYS):
        (folder.path / keys.filename).unlink()
    dsn = await postgres.create_database(f"empty_{uuid4().hex}")

    with pytest.raises(BackupKeysMissing):
        await restored(folder, dsn, file)


async def test_events_that_somebody_changed_before_the_backup_are_not_restored(
    postgres: EmbeddedPostgres, kernel: Kernel, written: list[UUID], folder: BackupFolder
) -> None:
    async with kernel.database.owner() as owner, owner.transaction():
        await owner.execute("alter table events disable trigger events_are_append_only")
        await owner.execute("update events set meta = '{}' where position = 7")
        await owner.execute("alter table events enable trigger events_are_append_only")
    file = await backed_up(kernel, folder)
    name = f"empty_{uuid4().hex}"
    dsn = await postgres.create_database(name)

    with pytest.raises(BackupNotWhole):
        await restored(folder, dsn, file)

    server = await asyncpg.connect(postgres.dsn("postgres"))
    beside = await server.fetchval(
        "select count(*) from pg_database where datname like $1", f"{name[:40]}_%"
    )
    await server.close()
    assert beside == 0


async def test_a_folder_that_cannot_be_written_is_said_and_no_half_file_is_left(
    kernel: Kernel, written: list[UUID], tmp_path: Path
) -> None:
    (tmp_path / "backups").write_text("a file where the folder should be")
    with pytest.raises(BackupFolderUnusable):
        await backed_up(kernel, BackupFolder("example", tmp_path / "backups", KEY))

    full = BackupFolder("example", tmp_path / "full", KEY)
    full.path.mkdir()
    with pytest.raises(BackupFolderUnusable, match="No space left"):
        write_to_a_full_disk(full)
    assert list(full.path.iterdir()) == []


def write_to_a_full_disk(folder: BackupFolder) -> None:
    with folder.new_file("x") as file, Path("/dev/full").open("wb", buffering=0) as disk:
        file.write(b"half of it")
        disk.write(b"the rest")


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
