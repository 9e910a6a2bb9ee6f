"""Damaged, foreign and unfitting files, and folders without room: refused, nothing changed."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from common.backup_archive import BackupDamaged, BackupKeyWrong, Kind
from common.backup_folder import (
    BackupFolder,
    BackupFolderUnusable,
    BackupForeign,
    BackupNotFound,
)
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.restoring import (
    BackupKeysMissing,
    BackupNotWhole,
    BackupTooNew,
    Restore,
)
from common.testing.backups import KEY, SECRETS, backed_up, restored, whole_log, write_thirty
from common.testing.kernel import EXAMPLE, NOW


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder("example", tmp_path / "backups", KEY)


@pytest.fixture
async def written(kernel: Kernel) -> list[UUID]:
    return await write_thirty(kernel)


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
