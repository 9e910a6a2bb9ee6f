"""Backups of the example service, for tests."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from common.backup_folder import BackupFile, BackupFolder
from common.backups import create_backup
from common.kernel import Kernel
from common.restoring import Restore, Restored, Secrets
from common.testing.example import NOTE, ChangeNote, WriteNote
from common.testing.kernel import EXAMPLE, NOW, cause

KEY = b"b" * 32
SECRETS = Secrets(b"d" * 32, b"w" * 32)


async def write_thirty(kernel: Kernel) -> list[UUID]:
    """Thirty notes by as many people, half of them changed: 45 events."""
    ids = [await write(kernel, f"text {n}") for n in range(30)]
    for id in ids[::2]:
        await kernel.commands.handle(NOTE, id, ChangeNote(id, "changed"), cause())
    return ids


async def write(kernel: Kernel, text: str, author: UUID | None = None) -> UUID:
    """A note; its id."""
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, author or uuid4(), str(id), text), cause())
    return id


async def backed_up(kernel: Kernel, folder: BackupFolder) -> BackupFile:
    """A backup of now."""
    return await create_backup(EXAMPLE, kernel.database.dsn, folder, NOW)


async def restored(
    folder: BackupFolder, dsn: str, file: BackupFile, *, replace: bool = False
) -> Restored:
    """The backup in this database, an hour later."""
    restore = Restore(EXAMPLE, dsn, SECRETS, folder)
    later = NOW + timedelta(hours=1)
    return await restore.run(folder.path / file.filename, later, replace=replace)


async def whole_log(dsn: str) -> list[tuple[object, ...]]:
    """Every row of the log, by a session of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        found = await connection.fetch("select * from events order by position")
        return [tuple(row) for row in found]
    finally:
        await connection.close()
