"""Read models: pure, thrown away and built again while writers go on."""

import asyncio
import io
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common import read_models
from common.kernel import Kernel
from common.read_models import RebuildUnderWay, WritersBusy, prepare_views, rebuild
from common.statements import Write, grouped
from common.testing.example import (
    _CHANGE,
    _INSERT,
    ALL_NOTES,
    NOTE,
    NOTES,
    ChangeNote,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import cause
from common.testing.logs import json_log
from common.testing.waiting import eventually
from common.view_checks import NotLive, compare, view_status


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


@pytest.mark.integration
async def test_events_of_other_kinds_in_between_do_not_end_a_rebuild_early(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_models, "PAGE", 3)
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "0"), cause())
    for n in range(10):
        await kernel.commands.handle(NOTE, id, ChangeNote(id, str(n + 1)), cause())
    only_written = replace(NOTES, events=NoteWritten, project=NOTES.project)
    reached: list[tuple[int, int, int]] = []

    await rebuild(kernel.database, kernel.store, only_written, lambda *at: reached.append(at))

    assert reached[-1] == (1, 11, 11)


@pytest.mark.integration
async def test_an_interrupted_rebuild_leaves_the_live_rows_and_the_next_one_starts_clean(
    kernel: Kernel,
) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())

    def interrupt(*_: int) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await rebuild(kernel.database, kernel.store, NOTES, interrupt)
    assert len(await kernel.database.fetch(ALL_NOTES)) == 1
    async with kernel.database.owner() as owner:
        await owner.execute("create schema building_notes create table notes (of_a_killed_one int)")
    assert (await view_status(kernel.database, NOTES)).leftover

    assert await rebuild(kernel.database, kernel.store, NOTES) == 1

    assert not (await view_status(kernel.database, NOTES)).leftover


@pytest.mark.integration
async def test_a_live_view_is_its_fold_at_every_moment_while_writers_write(kernel: Kernel) -> None:
    ids = [uuid4() for _ in range(20)]
    for id in ids:
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "0"), cause())
    written = 0

    async def keep_changing(mine: list[UUID]) -> None:
        nonlocal written
        while True:
            for id in mine:
                await kernel.commands.handle(NOTE, id, ChangeNote(id, str(uuid4())), cause())
                written += 1

    writers = [asyncio.ensure_future(keep_changing(ids[n::4])) for n in range(4)]
    before = written
    compared = [await compare(kernel.database, kernel.store, NOTES) for _ in range(5)]
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)

    assert written > before
    assert [(found.differences, found.rows) for found in compared] == [(0, 20)] * 5
    assert compared[-1].position > compared[0].position


@pytest.mark.integration
async def test_rows_that_are_not_what_the_log_says_are_named_and_left_alone(
    kernel: Kernel,
) -> None:
    ids = sorted(uuid4() for _ in range(4))
    for id in ids:
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "secret"), cause())
    surplus = uuid4()
    async with kernel.database.owner() as owner:
        await owner.execute("delete from notes where note_id = $1", ids[0])
        await owner.execute("update notes set text = 'x', version = 9 where note_id = $1", ids[1])
        await owner.execute("insert into notes values ($1, 1, 't', 'x')", surplus)

    found = await compare(kernel.database, kernel.store, NOTES)

    assert found.differences == 3
    assert {(d.key["note_id"], d.kind, tuple(d.columns)) for d in found.first} == {
        (str(ids[0]), "missing", ()),
        (str(ids[1]), "differs", ("text", "version")),
        (str(surplus), "surplus", ()),
    }
    assert len(await kernel.database.fetch(ALL_NOTES)) == 4
    async with kernel.database.owner() as owner:
        assert await owner.fetchval("select to_regnamespace('verifying_notes')") is None


@pytest.mark.integration
async def test_a_comparison_waits_for_an_open_writer_without_stopping_the_others(
    kernel: Kernel,
) -> None:
    slow, quick = uuid4(), uuid4()
    for id in (slow, quick):
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "0"), cause())
    async with kernel.database.transaction() as transaction:
        await kernel.commands.handle_in(transaction, NOTE, slow, ChangeNote(slow, "1"), cause())
        comparison = asyncio.ensure_future(compare(kernel.database, kernel.store, NOTES))
        with json_log() as log:
            await eventually(lambda: _said(log, "writers_are_waited_for"))
        await kernel.commands.handle(NOTE, quick, ChangeNote(quick, "1"), cause())
        assert not comparison.done()

    assert (await comparison).differences == 0


async def _said(log: io.StringIO, what: str) -> bool:
    return what in log.getvalue()


@pytest.mark.integration
async def test_a_view_that_other_code_built_is_not_compared(kernel: Kernel) -> None:
    with pytest.raises(NotLive, match="notes is outdated"):
        await compare(kernel.database, kernel.store, replace(NOTES, version=2))
    async with kernel.database.owner() as owner:
        await owner.execute("drop table notes")
    with pytest.raises(NotLive, match="notes is missing"):
        await compare(kernel.database, kernel.store, NOTES)


@pytest.mark.integration
async def test_a_rebuild_gives_up_before_a_writer_that_does_not_end(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_models, "LOCK_ATTEMPTS", 2)
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "0"), cause())
    async with kernel.database.transaction() as transaction:
        await kernel.commands.handle_in(transaction, NOTE, id, ChangeNote(id, "1"), cause())
        with pytest.raises(WritersBusy):
            await rebuild(kernel.database, kernel.store, NOTES)

    (row,) = await kernel.database.fetch(ALL_NOTES)
    assert row["text"] == "1"
    assert not (await view_status(kernel.database, NOTES)).leftover


@pytest.mark.integration
async def test_a_service_that_starts_during_a_rebuild_waits_for_it(kernel: Kernel) -> None:
    changed = replace(NOTES, version=2)

    await asyncio.gather(
        *(prepare_views(kernel.database, kernel.store, [changed]) for _ in range(3))
    )

    assert (await view_status(kernel.database, changed)).state == "live"
