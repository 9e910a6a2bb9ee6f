"""What people uploaded is backed up beside the log; who was erased since does not come back."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from common.backup_archive import BackupDamaged, Kind
from common.backup_folder import BackupFile, BackupFolder
from common.backup_reading import check_backup
from common.backups import create_backup
from common.kernel import Kernel
from common.object_storage import ObjectStorage
from common.restoring import Restore, Restored
from common.testing.backups import KEY, SECRETS, write
from common.testing.kernel import EXAMPLE, NOW
from obstore.store import MemoryStore


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder("example", tmp_path / "backups", KEY)


def picture(person: UUID) -> str:
    return f"pictures/{person}/{uuid4()}"


async def backed_up(kernel: Kernel, folder: BackupFolder, files: ObjectStorage) -> BackupFile:
    return await create_backup(EXAMPLE, kernel.database.dsn, folder, NOW, files=files)


async def restored(
    kernel: Kernel, folder: BackupFolder, file: BackupFile, files: ObjectStorage
) -> Restored:
    restore = Restore(EXAMPLE, kernel.database.dsn, SECRETS, folder, files)
    return await restore.run(folder.path / file.filename, NOW, replace=True)


async def test_files_come_back_but_those_of_who_was_erased(
    kernel: Kernel, folder: BackupFolder
) -> None:
    files, ann, bob = ObjectStorage(MemoryStore), uuid4(), uuid4()
    for person in (ann, bob):
        await write(kernel, "secret", person)
    anns, bobs, content = picture(ann), picture(bob), bytes(range(256)) * 4096
    await files.put(anns, content)
    await files.put(bobs, b"of bob")
    file = await backed_up(kernel, folder, files)
    assert content[:64] not in (folder.path / f"{stem(file)}.files").read_bytes()
    for name in (anns, bobs):
        await files.delete(name)
    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, bob, NOW)

    result = await restored(kernel, folder, file, files)

    assert result.files == 1
    assert await files.get(anns) == content
    assert await files.get(bobs) is None


async def test_files_are_kept_as_briefly_as_keys(kernel: Kernel, folder: BackupFolder) -> None:
    files = ObjectStorage(MemoryStore)
    await files.put(picture(uuid4()), b"x")
    oldest, *_ = [await backed_up(kernel, folder, files) for _ in range(3)]

    assert len(folder.listed()) == 3
    assert len(folder.listed(Kind.FILES)) == len(folder.listed(Kind.KEYS)) == 2
    assert (await restored(kernel, folder, oldest, files)).files is None


async def test_a_damaged_file_of_files_is_refused_before_anything_is_changed(
    kernel: Kernel, folder: BackupFolder
) -> None:
    files = ObjectStorage(MemoryStore)
    await files.put(picture(uuid4()), b"x" * 1000)
    await write(kernel, "one")
    file = await backed_up(kernel, folder, files)
    path = folder.path / f"{stem(file)}.files"
    assert (await check_backup(folder, path)).rows == {"files": 1}
    path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(BackupDamaged):
        await restored(kernel, folder, file, files)

    assert len(folder.listed()) == 1, "no safety backup: nothing was begun"


def stem(file: BackupFile) -> str:
    return file.filename.partition(".")[0]
