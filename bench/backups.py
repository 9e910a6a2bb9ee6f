"""A log out into a sealed file, checked, and back with every view built and every hash verified.

`BACKUP_EVENTS` is how many events it has; a million takes minutes, of which most go into making it.
"""

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from common.backup_folder import BackupFolder
from common.backup_reading import check_backup
from common.backups import create_backup
from common.database import connect
from common.kernel import Kernel
from common.restoring import Restore, Secrets
from common.testing.kernel import EXAMPLE

from bench.example_store import DATA_KEY, WIRE_KEY, append, example_store, history
from bench.measurement import Measurement, Reference
from bench.rounds import Run
from bench.targets import line

EVENTS_A_STREAM = 10


async def measure(run: Run) -> list[Measurement]:
    """The lines about backups: one run of each, since a round of it is long."""
    streams = int(os.environ.get("BACKUP_EVENTS", "50000")) // EVENTS_A_STREAM
    async with example_store(run.postgres, connections=4) as kernel:
        for _ in range(streams):
            note_id = uuid4()
            await append(kernel, note_id, history(note_id, uuid4(), EVENTS_A_STREAM))
        with tempfile.TemporaryDirectory() as folder:
            place = BackupFolder("example", Path(folder), b"b" * 32)
            return await _measured(run, kernel, place, streams * EVENTS_A_STREAM)


async def _measured(
    run: Run, kernel: Kernel, folder: BackupFolder, events: int
) -> list[Measurement]:
    copied = await _raw_copy(kernel)
    start = time.perf_counter()
    file = await create_backup(EXAMPLE, kernel.database.dsn, folder, datetime.now(UTC))
    made = time.perf_counter() - start
    path = folder.path / file.filename
    start = time.perf_counter()
    await check_backup(folder, path)
    checked = time.perf_counter() - start
    dsn = await run.postgres.create_database(f"bench_{uuid4().hex}")
    start = time.perf_counter()
    secrets = Secrets(DATA_KEY, WIRE_KEY)
    await Restore(EXAMPLE, dsn, secrets, folder).run(path, datetime.now(UTC))
    restored = time.perf_counter() - start
    conditions = f"{events} events of {events // EVENTS_A_STREAM} streams; {file.bytes >> 20} MiB"
    raw = Reference("COPY of the events, to nowhere", events / copied)
    figures = (
        ("backup", made, raw),
        ("check of a backup", checked, None),
        ("restore", restored, None),
    )
    return [
        line("backups", name, events / seconds, beside, unit="/s", conditions=conditions)
        for name, seconds, beside in figures
    ]


async def _raw_copy(kernel: Kernel) -> float:
    """Seconds for the same rows without compressing, sealing and keeping them."""

    async def nowhere(_: bytes) -> None:
        return

    session = await connect(kernel.database.dsn, {})
    try:
        start = time.perf_counter()
        await session.copy_from_query("select * from events", output=nowhere, format="text")
        return time.perf_counter() - start
    finally:
        await session.close()
