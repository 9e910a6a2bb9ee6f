"""Two commands that wait for one another's rows: whoever is made to give way decides once more."""

import asyncio
from uuid import UUID, uuid4

import pytest
from common.command_handling import Then
from common.database import Transaction
from common.kernel import Kernel
from common.problems import Conflict
from common.testing.example import ALL_NOTES, NOTE, ChangeNote, WriteNote
from common.testing.kernel import cause

pytestmark = pytest.mark.integration

_TOUCH = "update notes set version = version where note_id = $1"


def touching(other: UUID, both: asyncio.Barrier, meetings: int) -> Then:
    """Wants the other's row, at first only when both have written their own."""
    left = [meetings]

    async def then(transaction: Transaction) -> None:
        if left[0]:
            left[0] -= 1
            await both.wait()
        await transaction.connection.execute(_TOUCH, other)

    return then


async def changed(kernel: Kernel, id: UUID, then: Then) -> None:
    await kernel.commands.handle(NOTE, id, ChangeNote(id, "new"), cause(), then=then)


async def written(kernel: Kernel) -> list[UUID]:
    ids = [uuid4(), uuid4()]
    for id in ids:
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "old"), cause())
    return ids


async def test_a_deadlock_is_a_lost_race_after_which_both_commands_are_done(
    kernel: Kernel,
) -> None:
    one, two = await written(kernel)
    both = asyncio.Barrier(2)

    await asyncio.gather(
        changed(kernel, one, touching(two, both, 1)), changed(kernel, two, touching(one, both, 1))
    )

    rows = await kernel.database.fetch(ALL_NOTES)
    assert [(row["version"], row["text"]) for row in rows] == [(2, "new")] * 2


async def test_who_has_to_give_way_twice_is_told_so(kernel: Kernel) -> None:
    id = (await written(kernel))[0]
    again = "do $$ begin raise exception 'twice' using errcode = 'deadlock_detected'; end $$"

    async def then(transaction: Transaction) -> None:
        await transaction.connection.execute(again)

    with pytest.raises(Conflict):
        await changed(kernel, id, then)
