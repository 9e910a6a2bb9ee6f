"""Whether a file of a backup is whole, and what is in it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from common.backup_archive import Frame, Header, read_frames
from common.backup_folder import BackupFolder


@dataclass(frozen=True)
class Checked:
    """What a whole file holds: rows by table, and the values of sequences."""

    header: Header
    rows: dict[str, int]
    sequences: dict[str, int]


async def check_backup(folder: BackupFolder, path: Path) -> Checked:
    """Read the whole file. Raises `BackupDamaged`, `BackupForeign`, `BackupKeyWrong`."""
    header = await asyncio.to_thread(folder.header, path)
    rows, sequences = {}, {}
    async for frame, payload in frames_of(path, folder.key):
        if frame is Frame.END:
            rows = orjson.loads(payload)
        elif frame is Frame.SEQUENCES:
            sequences = orjson.loads(payload)
    return Checked(header, rows, sequences)


async def frames_of(path: Path, key: bytes) -> AsyncIterator[tuple[Frame, bytes]]:
    """The file's frames, read and opened in a thread."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        frames = read_frames(file, key)
        while (found := await asyncio.to_thread(next, frames, None)) is not None:
            yield found
    finally:
        file.close()
