"""Every migration of the kernel's tables, run on a database that is full of events."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.migrations import prepare_database
from common.read_models import rebuild
from common.testing.example import ALL_NOTES, NOTE, NOTES, ChangeNote, WriteNote
from common.testing.kernel import EXAMPLE, cause, kernel_at
from common.verification import verify_log

REVISIONS = sorted(file.stem for file in (EXAMPLE.migrations / "versions").glob("*.py"))


@pytest.mark.parametrize("last", REVISIONS[:-1])
async def test_a_filled_database_is_brought_up_to_date_without_loss(
    postgres: EmbeddedPostgres, tmp_path: Path, last: str
) -> None:
    until_then = shutil.copytree(EXAMPLE.migrations, tmp_path / "migrations")
    for file in (until_then / "versions").glob("*.py"):
        if file.stem > last:
            file.unlink()
    dsn = await postgres.create_database(f"filled_{uuid4().hex}")
    ids = [uuid4() for _ in range(20)]
    async with kernel_at(dsn, replace(EXAMPLE, migrations=until_then)) as before:
        for n, id in enumerate(ids):
            await before.commands.handle(NOTE, id, WriteNote(id, uuid4(), f"t{n}", "x"), cause())
        rows = [tuple(row) for row in await before.database.fetch(ALL_NOTES)]

    async with kernel_at(dsn) as after:
        for id in ids:
            await after.commands.handle(NOTE, id, ChangeNote(id, "y"), cause())
        flaws = [flaw async for flaw in verify_log(after.database)]
        assert await rebuild(after.database, after.store, NOTES) == 40
        now = [tuple(row) for row in await after.database.fetch(ALL_NOTES)]

    assert not flaws
    assert [(row[0], row[2]) for row in now] == [(row[0], row[2]) for row in rows]


async def test_processes_that_start_together_do_not_hinder_one_another(
    postgres: EmbeddedPostgres,
) -> None:
    dsn = await postgres.create_database(f"together_{uuid4().hex}")
    await prepare_database(dsn, EXAMPLE.migrations)

    for _ in range(5):
        await asyncio.gather(*(prepare_database(dsn, EXAMPLE.migrations) for _ in range(8)))
