"""P6: a rebuild beside writers equals the fold, and no processor runs again."""

import asyncio
from uuid import UUID, uuid4

import pytest
from common.clock import MovableClock
from common.event_store import Recorded
from common.kernel import Kernel
from common.processors import Processor, ProcessorRunner
from common.read_models import rebuild
from common.testing.example import (
    ALL_NOTES,
    NOTE,
    NOTES,
    BurnNote,
    ChangeNote,
    Note,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import NOW, cause
from common.testing.waiting import eventually

ID = UUID(int=1)


@pytest.mark.integration
async def test_a_rebuild_under_writers_equals_the_fold_and_no_processor_runs_again(
    kernel: Kernel,
) -> None:
    calls: list[UUID] = []

    async def act(record: Recorded, key: UUID) -> None:
        calls.append(record.event.note_id)

    processor = Processor("tell", NoteWritten, act)
    runner = ProcessorRunner(kernel.database, kernel.store, processor, MovableClock(NOW))
    await kernel.commands.handle(NOTE, ID, WriteNote(ID, uuid4(), "before", "x"), cause())
    running = asyncio.ensure_future(runner.run(kernel.wake))
    await eventually(lambda: leads(kernel), what="the processor's start")

    async def live(n: int) -> UUID:
        id = uuid4()
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "x"), cause())
        await kernel.commands.handle(NOTE, id, ChangeNote(id, f"y {n}"), cause())
        if n % 3 == 0:
            await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
        return id

    writing = asyncio.gather(*(live(n) for n in range(60)))
    while not writing.done():
        await rebuild(kernel.database, kernel.store, NOTES)
    ids = await writing
    await rebuild(kernel.database, kernel.store, NOTES)

    async def all_told() -> bool:
        return len(calls) >= len(ids)

    await eventually(all_told, what="a call per note")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert sorted(calls) == sorted(ids)
    rows = await kernel.database.fetch(ALL_NOTES)
    assert {row["note_id"]: (row["text"], row["version"]) for row in rows} == await folded(kernel)


@pytest.mark.integration
async def test_a_rebuild_waits_for_the_writer_under_way_and_has_its_row(kernel: Kernel) -> None:
    async def is_waiting() -> bool:
        async with kernel.database.reader() as reader:
            waits = (
                "select count(*) from pg_locks where relation = 'notes'::regclass and not granted"
            )
            return bool(await reader.connection.fetchval(waits))

    async with kernel.database.transaction() as transaction:
        command = WriteNote(ID, uuid4(), "under way", "x")
        await kernel.commands.handle_in(transaction, NOTE, ID, command, cause())
        rebuilding = asyncio.ensure_future(rebuild(kernel.database, kernel.store, NOTES))
        await eventually(is_waiting, what="the rebuild at its switch")
    await rebuilding

    assert [row["note_id"] for row in await kernel.database.fetch(ALL_NOTES)] == [ID]


async def leads(kernel: Kernel) -> bool:
    async with kernel.database.reader() as reader:
        return bool(await reader.connection.fetchval("select count(*) from cursors"))


async def folded(kernel: Kernel) -> dict[UUID, tuple[str, int]]:
    """Every live note's text and version, from the log alone."""
    found: dict[UUID, tuple[str, int]] = {}
    async with kernel.database.reader() as reader:
        for row in await reader.connection.fetch("select distinct stream from events"):
            stream = await kernel.store.load(reader, row["stream"])
            state = NOTE.fold(stream.events)
            if isinstance(state, Note):
                found[state.note_id] = (state.text, stream.version)
    return found
