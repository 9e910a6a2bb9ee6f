"""Many streams in one transaction: written as if each command had been carried out by itself."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common.database import Transaction
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import VersionConflict
from common.kernel import Kernel
from common.snapshots import SnapshotPolicy
from common.testing.example import (
    ALL_NOTES,
    NOTE,
    BurnNote,
    ChangeNote,
    Note,
    NoteCommand,
    NoteState,
    TitleTaken,
    WriteNote,
)
from common.testing.kernel import EXAMPLE, cause, kernel_on
from common.unit_of_work import UnitOfWork
from common.verification import verify_log
from pydantic import TypeAdapter

SOME = [UUID(int=n) for n in range(1, 13)]
LOG = "select stream, version, type from events order by position"


class Stopped(Exception):
    pass


@asynccontextmanager
async def working(kernel: Kernel) -> AsyncIterator[UnitOfWork]:
    async with (
        kernel.database.transaction() as transaction,
        UnitOfWork(kernel.commands, transaction) as streams,
    ):
        yield streams


async def written(kernel: Kernel, *ids: UUID) -> None:
    async with working(kernel) as streams:
        for id in ids:
            await streams.handle(NOTE, id, WriteNote(id, uuid4(), f"title {id}", "x"), cause())


async def log_of(kernel: Kernel) -> list[tuple[str, int, str]]:
    async with kernel.database.reader() as reader:
        return [tuple(row) for row in await reader.connection.fetch(LOG)]


def commands(chance: random.Random) -> list[tuple[UUID, NoteCommand]]:
    """Some of a stream's commands follow one another at once, others with others in between."""
    begun: list[tuple[UUID, NoteCommand]] = [
        (id, WriteNote(id, UUID(int=100 + id.int % 3), f"title {id.int}", "x")) for id in SOME
    ]
    more = [
        (id, BurnNote(id) if n % 7 == 6 else ChangeNote(id, str(n)))
        for n, id in enumerate(chance.choices(SOME, k=60))
    ]
    gone: set[UUID] = set()
    for id, command in more:
        if id not in gone:
            begun.append((id, command))
        if isinstance(command, BurnNote):
            gone.add(id)
    return begun


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_units_of_any_size_leave_what_single_commands_leave(
    postgres: EmbeddedPostgres, size: int
) -> None:
    todo = commands(random.Random(7))
    async with kernel_on(postgres) as single, kernel_on(postgres) as grouped:
        for id, command in todo:
            await single.commands.handle(NOTE, id, command, cause())
        for start in range(0, len(todo), size):
            async with working(grouped) as streams:
                for id, command in todo[start : start + size]:
                    await streams.handle(NOTE, id, command, cause())

        assert await log_of(grouped) == await log_of(single)
        assert await grouped.database.fetch(ALL_NOTES) == await single.database.fetch(ALL_NOTES)
        assert [flaw async for flaw in verify_log(grouped.database)] == []


async def test_a_state_is_loaded_once_and_handed_on_with_what_was_decided(kernel: Kernel) -> None:
    id = uuid4()
    await written(kernel, id)

    async with working(kernel) as streams:
        before, nothing = await streams.load(NOTE, [id, uuid4()])
        await streams.handle(NOTE, id, ChangeNote(id, "new"), cause())
        after = await streams.state(NOTE, id)
        assert len(await log_of(kernel)) == 1

    assert isinstance(before, Note)
    assert after == replace(before, text="new")
    assert nothing == NOTE.initial
    assert len(await log_of(kernel)) == 2


async def test_what_is_written_in_between_can_be_read_and_goes_on(kernel: Kernel) -> None:
    id = uuid4()

    async with working(kernel) as streams:
        await streams.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
        await streams.write()
        assert len(await streams.transaction.fetch(ALL_NOTES)) == 1
        await streams.handle(NOTE, id, ChangeNote(id, "y"), cause())

    assert [version for _, version, _ in await log_of(kernel)] == [1, 2]
    assert [flaw async for flaw in verify_log(kernel.database)] == []


async def test_a_repeat_and_an_empty_unit_write_nothing(kernel: Kernel) -> None:
    id = uuid4()
    await written(kernel, id)

    async with working(kernel) as streams:
        await streams.handle(NOTE, id, ChangeNote(id, "x"), cause())

    assert len(await log_of(kernel)) == 1


async def test_who_loses_a_race_for_one_stream_changes_none(kernel: Kernel) -> None:
    first, second = uuid4(), uuid4()
    await written(kernel, first, second)

    async def change_both() -> None:
        async with working(kernel) as streams:
            await streams.handle(NOTE, first, ChangeNote(first, "mine"), cause())
            await streams.handle(NOTE, second, ChangeNote(second, "mine"), cause())
            await kernel.commands.handle(NOTE, second, ChangeNote(second, "theirs"), cause())

    with pytest.raises(VersionConflict):
        await change_both()

    texts = {row["note_id"]: row["text"] for row in await kernel.database.fetch(ALL_NOTES)}
    assert texts == {first: "x", second: "theirs"}


async def test_a_taken_name_is_refused_as_for_a_single_command(kernel: Kernel) -> None:
    first = uuid4()
    await written(kernel, first)

    async def write(titles: Sequence[str]) -> None:
        async with working(kernel) as streams:
            for title in titles:
                id = uuid4()
                await streams.handle(NOTE, id, WriteNote(id, uuid4(), title, "x"), cause())

    with pytest.raises(TitleTaken):
        await write([*"abcdefghij", f"title {first}"])

    assert len(await log_of(kernel)) == 1


async def test_nothing_is_written_where_the_block_raises(kernel: Kernel) -> None:
    async def work(transaction: Transaction) -> None:
        async with UnitOfWork(kernel.commands, transaction) as streams:
            id = uuid4()
            await streams.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
            raise Stopped

    async with kernel.database.transaction() as transaction:
        with pytest.raises(Stopped):
            await work(transaction)

    assert await log_of(kernel) == []


async def test_streams_with_snapshots_are_loaded_from_them(postgres: EmbeddedPostgres) -> None:
    policy = SnapshotPolicy(NOTE, TypeAdapter(NoteState), every=1)
    async with kernel_on(postgres, replace(EXAMPLE, snapshots=(policy,))) as kernel:
        ids = [uuid4(), uuid4()]
        await written(kernel, *ids)
        for n in range(3):
            async with working(kernel) as streams:
                await streams.load(NOTE, ids)
                for id in ids:
                    await streams.handle(NOTE, id, ChangeNote(id, str(n)), cause())

        assert [flaw async for flaw in verify_log(kernel.database)] == []
        assert {row["text"] for row in await kernel.database.fetch(ALL_NOTES)} == {"2"}
