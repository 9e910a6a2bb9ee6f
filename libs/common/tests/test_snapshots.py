"""P10: a snapshot and what came after it fold to the whole; one of another shape is ignored."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.snapshots import SnapshotPolicy
from common.testing.example import (
    NOTE,
    BurnNote,
    ChangeNote,
    NoteBurnt,
    NoteChanged,
    NoteCommand,
    NoteEvent,
    NoteState,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import EXAMPLE, cause, kernel_on
from common.testing.waiting import eventually
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

ID, AUTHOR = UUID(int=1), UUID(int=2)
STATE: TypeAdapter[NoteState] = TypeAdapter(NoteState)
POLICY = SnapshotPolicy(NOTE, STATE, every=2)


@st.composite
def histories(draw: st.DrawFn) -> list[NoteEvent]:
    """Anything that can happen to a note."""
    changes = [NoteChanged(ID, AUTHOR, text) for text in draw(st.lists(st.text(), max_size=8))]
    burnt = [NoteBurnt(ID)] if draw(st.booleans()) else []
    return [NoteWritten(ID, AUTHOR, draw(st.text()), draw(st.text())), *changes, *burnt]


@given(history=histories(), data=st.data())
def test_any_beginning_and_its_rest_fold_to_the_whole(
    history: list[NoteEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))

    assert NOTE.fold(history[cut:], NOTE.fold(history[:cut])) == NOTE.fold(history)


@pytest.fixture(scope="module")
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """Snapshots as often as possible."""
    async with kernel_on(postgres, replace(EXAMPLE, snapshots=(POLICY,))) as kernel:
        yield kernel


async def state_of(kernel: Kernel, id: UUID) -> NoteState:
    async with kernel.database.reader() as reader:
        _, state = await kernel.commands.state(reader, NOTE, id)
    return state


async def full_fold(kernel: Kernel, id: UUID) -> NoteState:
    async with kernel.database.reader() as reader:
        stream = await kernel.store.load(reader, NOTE.stream(id))
    return NOTE.fold(stream.events)


async def snapshot_version(kernel: Kernel, id: UUID) -> int:
    async with kernel.database.reader() as reader:
        start = await kernel.commands.snapshots.newest(reader, NOTE, NOTE.stream(id))
    return start.version


@pytest.mark.integration
@given(texts=st.lists(st.text("ab", min_size=1), min_size=4, max_size=10), burns=st.booleans())
@settings(max_examples=15, deadline=None)  # a step is a transaction on a disk that others share
async def test_any_sequence_of_commands_meets_the_same_states_with_snapshots(
    kernel: Kernel, texts: Sequence[str], burns: bool
) -> None:
    id = uuid4()
    commands: list[NoteCommand] = [WriteNote(id, uuid4(), str(id), "")]
    commands += [ChangeNote(id, f"{n} {text}") for n, text in enumerate(texts)]
    commands += [BurnNote(id)] if burns else []
    for command in commands:
        handled = await kernel.commands.handle(NOTE, id, command, cause())
        assert handled.state == await full_fold(kernel, id)
    await eventually(lambda: snapshot_version(kernel, id), what="a snapshot")

    assert await state_of(kernel, id) == await full_fold(kernel, id)
    async with kernel.database.owner() as owner:
        await owner.execute(
            "update snapshots set shape = 'of another version', state = '{}' where stream = $1",
            NOTE.stream(id),
        )
    assert await state_of(kernel, id) == await full_fold(kernel, id)


@pytest.mark.integration
async def test_a_state_that_json_does_not_tell_from_another_is_not_kept(kernel: Kernel) -> None:
    """The states before the first event and after the last have no fields, both of them."""
    id = uuid4()
    for command in (WriteNote(id, uuid4(), str(id), "x"), ChangeNote(id, "y"), BurnNote(id)):
        await kernel.commands.handle(NOTE, id, command, cause())
    await eventually(lambda: snapshot_version(kernel, id), what="a snapshot of the note")
    async with kernel.database.owner() as owner:
        await owner.execute("delete from snapshots where stream = $1", NOTE.stream(id))

    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    other = uuid4()
    for command in (WriteNote(other, uuid4(), str(other), "x"), ChangeNote(other, "y")):
        await kernel.commands.handle(NOTE, other, command, cause())
    await kernel.commands.handle(NOTE, other, ChangeNote(other, "z"), cause())
    await eventually(lambda: snapshot_version(kernel, other), what="a later snapshot")

    assert await snapshot_version(kernel, id) == 0


@pytest.mark.integration
async def test_a_snapshot_changes_nothing_but_the_work(postgres: EmbeddedPostgres) -> None:
    policy = SnapshotPolicy(NOTE, STATE, every=3)
    async with kernel_on(postgres, replace(EXAMPLE, snapshots=(policy,))) as kernel:
        id = uuid4()
        await kernel.commands.handle(NOTE, id, WriteNote(id, AUTHOR, "t", "x"), cause())
        for n in range(10):
            await kernel.commands.handle(NOTE, id, ChangeNote(id, str(n)), cause())

        async def taken() -> bool:
            async with kernel.database.reader() as reader:
                return bool(await reader.connection.fetchval("select count(*) from snapshots"))

        await eventually(taken)
        with_snapshot = await state_of(kernel, id)
        async with kernel.database.owner() as owner:
            await owner.execute("update snapshots set shape = 'of another version', state = '{}'")
        assert await state_of(kernel, id) == with_snapshot
        handled = await kernel.commands.handle(NOTE, id, ChangeNote(id, "end"), cause())
        assert handled.version == 12
