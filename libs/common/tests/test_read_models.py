"""Read models: pure, thrown away and built again while writers go on."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common.kernel import Kernel
from common.read_models import RebuildUnderWay, prepare_views, rebuild
from common.statements import Write, grouped
from common.testing.example import _CHANGE, _INSERT, ALL_NOTES, NOTE, NOTES, ChangeNote, WriteNote
from common.testing.kernel import cause


def change(id: UUID, n: int) -> Write:
    return Write(_CHANGE, {"id": id, "new_text": str(n), "new_version": n}, id)


def insertion(id: UUID) -> Write:
    return Write(_INSERT, {"note_id": id, "version": 1, "title": str(id), "text": ""}, id)


def test_writes_of_many_rows_become_few_groups() -> None:
    ids = [uuid4() for _ in range(100)]
    writes = [write for id in ids for write in (insertion(id), change(id, 2), change(id, 3))]

    groups = grouped(writes)

    assert [len(rows) for _, rows in groups] == [100, 200]


def test_writes_of_one_row_keep_their_order() -> None:
    id, other = uuid4(), uuid4()
    writes = [change(id, 1), insertion(other), insertion(id), change(other, 1), change(id, 2)]

    groups = grouped(writes)

    of_id = [statement for statement, rows in groups for row in rows if id in row]
    assert of_id == [_CHANGE, _INSERT, _CHANGE]


@pytest.mark.integration
async def test_a_rebuild_while_writers_write_gives_the_same_rows(kernel: Kernel) -> None:
    ids = [uuid4() for _ in range(30)]
    for id in ids:
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "0"), cause())

    async def keep_changing() -> None:
        for n in range(200):
            id = ids[n % 30]
            await kernel.commands.handle(NOTE, id, ChangeNote(id, str(n + 1)), cause())

    writers = asyncio.ensure_future(keep_changing())
    for _ in range(3):
        await rebuild(kernel.database, kernel.store, NOTES)
    await writers
    live = [dict(row) for row in await kernel.database.fetch(ALL_NOTES)]
    await rebuild(kernel.database, kernel.store, NOTES)
    folded = [dict(row) for row in await kernel.database.fetch(ALL_NOTES)]

    assert live == folded
    assert len(live) == 30


@pytest.mark.integration
async def test_a_new_version_of_a_read_model_is_built_at_start(kernel: Kernel) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
    async with kernel.database.owner() as owner:
        await owner.execute("delete from notes")

    await prepare_views(kernel.database, kernel.store, [NOTES])
    assert await kernel.database.fetch(ALL_NOTES) == []
    await prepare_views(kernel.database, kernel.store, [replace(NOTES, version=2)])

    assert len(await kernel.database.fetch(ALL_NOTES)) == 1


@pytest.mark.integration
async def test_of_two_rebuilds_at_once_one_is_refused(kernel: Kernel) -> None:
    for _ in range(50):
        id = uuid4()
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "x"), cause())

    results = await asyncio.gather(
        *(rebuild(kernel.database, kernel.store, NOTES) for _ in range(2)), return_exceptions=True
    )

    done = [result for result in results if result == 50]
    refused = [result for result in results if isinstance(result, RebuildUnderWay)]
    assert done
    assert len(done) + len(refused) == 2
    assert len(await kernel.database.fetch(ALL_NOTES)) == 50
