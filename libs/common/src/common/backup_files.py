"""Files that people uploaded: out of their storage into a sealed file of their own, and back.

They show persons in clear, so they are kept as briefly as the keys, and nothing is put back of whom
was erased meanwhile. A file's name in the storage names its person: `avatars/0198…/0199…`.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
import structlog

from common.backup_archive import ArchiveWriter, Frame, Header, Kind
from common.backup_folder import BackupFolder
from common.backup_reading import check_backup, frames_of
from common.database import connect
from common.kernel import Files, KernelDeclaration
from common.settings import ServiceSettings

log = structlog.get_logger(__name__)

_NAME_ENDS = b"\n"


def files_of(declaration: KernelDeclaration, settings: ServiceSettings) -> Files | None:
    """Where the service's files lie; nothing for a service that keeps none."""
    return declaration.files(settings) if declaration.files else None


async def pack_files(storage: Files, folder: BackupFolder, stem: str, log_header: Header) -> int:
    """Write all files, one after the other; how many. Raises `StorageUnavailable`."""
    header = Header(**{**vars(log_header), "kind": Kind.FILES})
    with folder.new_file(f"{stem}.{Kind.FILES.value}") as file:
        writer = ArchiveWriter(file, header, folder.key)
        packed = 0
        async for key in storage.walk():
            content = await storage.get(key)
            if content is not None:  # else it was thrown away meanwhile
                framed = key.encode() + _NAME_ENDS + content
                await asyncio.to_thread(writer.frame, Frame.FILE, framed)
                packed += 1
        writer.frame(Frame.END, orjson.dumps({"files": packed}))
        await asyncio.to_thread(writer.finish)
    return packed


@dataclass(frozen=True)
class Packed:
    """A whole file of a backup's files, and where they belong."""

    path: Path
    storage: Files


async def files_beside(folder: BackupFolder, backup: Path, storage: Files | None) -> Packed | None:
    """The files that belong to a backup, if they are still kept. Raises `BackupDamaged`."""
    path = backup.with_suffix(f".{Kind.FILES.value}")
    if storage is None or not await asyncio.to_thread(path.exists):
        return None
    await check_backup(folder, path)
    return Packed(path, storage)


async def unpack_files(packed: Packed, key: bytes, dsn: str) -> int:
    """Put back what shows nobody whose key is destroyed in the database; how many.

    A file never changes under its name, so that none is replaced by another.
    """
    database = await connect(dsn, {"application_name": "cartulary restore"})
    try:
        erased = {row["subject"] for row in await database.fetch(_ERASED)}
    finally:
        await database.close()
    unpacked = 0
    async for frame, payload in frames_of(packed.path, key):
        name, _, content = payload.partition(_NAME_ENDS)
        if frame is Frame.FILE and _person(name.decode()) not in erased:
            await packed.storage.put(name.decode(), content)
            unpacked += 1
    log.info("files_restored", file=packed.path.name, files=unpacked)
    return unpacked


def _person(key: str) -> UUID | None:
    try:
        return UUID(key.split("/")[1])
    except (IndexError, ValueError):
        return None


_ERASED = "select distinct subject from subject_keys where erased_at is not null"
