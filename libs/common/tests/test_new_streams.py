"""A stream whose id was made just now: nothing is loaded, and whoever is wrong finds out."""

import asyncio
from uuid import UUID, uuid4

import pytest
from common.command_records import NEW
from common.kernel import Kernel
from common.problems import Conflict
from common.testing.example import NOTE, ChangeNote, WriteNote
from common.testing.kernel import cause

AUTHOR = UUID(int=7)


def write(id: UUID, text: str = "new", author: UUID = AUTHOR) -> WriteNote:
    return WriteNote(id, author, str(id), text)


async def test_a_new_stream_begins_with_its_command(kernel: Kernel) -> None:
    id = uuid4()

    begun = await kernel.commands.handle(NOTE, id, write(id), cause(), expected=NEW)
    changed = await kernel.commands.handle(NOTE, id, ChangeNote(id, "more"), cause())

    assert (begun.version, changed.version) == (1, 2)


async def test_a_stream_that_was_there_is_loaded_after_all(kernel: Kernel) -> None:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, write(id), cause())

    with pytest.raises(Conflict):
        await kernel.commands.handle(NOTE, id, write(id, "again"), cause(), expected=NEW)

    async with kernel.database.reader() as reader:
        stream, _ = await kernel.commands.state(reader, NOTE, id)
    assert stream.version == 1


async def test_the_first_streams_of_a_person_may_begin_at_once(kernel: Kernel) -> None:
    """Each makes the person's key; who loses that race goes on with the winner's."""
    ids, author = [uuid4() for _ in range(5)], uuid4()

    handled = await asyncio.gather(
        *(
            kernel.commands.handle(NOTE, id, write(id, author=author), cause(), expected=NEW)
            for id in ids
        )
    )

    assert [one.version for one in handled] == [1] * 5
    async with kernel.database.reader() as reader:
        states = [(await kernel.commands.state(reader, NOTE, id))[1] for id in ids]
    assert {getattr(state, "text", None) for state in states} == {"new"}
