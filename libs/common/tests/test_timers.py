"""Deadlines: once, in time, together where they are of a kind, and one that fails alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from common.clock import MovableClock
from common.command_handling import Commands
from common.database import Transaction
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.read_models import Projection, Stamp
from common.statements import Write
from common.testing.example import (
    NOTE,
    BurnNote,
    BurntNote,
    NoteEvent,
    NoteState,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_on
from common.timers import Due, Timers, Together, set_timer

pytestmark = pytest.mark.integration


async def write(kernel: Kernel, title: str = "t") -> UUID:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), title, "x"), cause())
    return id


def burn_tomorrow(event: NoteEvent, stamp: Stamp) -> list[Write]:
    if isinstance(event, NoteWritten):
        return [set_timer("burn", NOW + timedelta(days=1), stamp, {"note": str(event.note_id)})]
    return []


async def burn(due: Due, transaction: Transaction, commands: Commands, now: datetime) -> None:
    id = UUID(due.message["note"])
    await commands.handle_in(transaction, NOTE, id, BurnNote(id), due.cause(now))


BURNING = replace(EXAMPLE, projections=(*EXAMPLE.projections, Projection(NoteEvent, burn_tomorrow)))
_CLAIMED = "select from timers where message ->> 'note' = $1 for update"


async def number(kernel: Kernel, rows: str) -> int:
    async with kernel.database.reader() as reader:
        found: int = await reader.connection.fetchval(f"select count(*) from {rows}")
    return found


async def state_of(kernel: Kernel, id: UUID) -> NoteState:
    async with kernel.database.reader() as reader:
        _, state = await kernel.commands.state(reader, NOTE, id)
    return state


async def test_a_timer_fires_when_its_time_has_come_and_once(postgres: EmbeddedPostgres) -> None:
    async with kernel_on(postgres, BURNING) as kernel:
        ids = [await write(kernel, str(n)) for n in range(5)]
        clock = MovableClock(NOW)
        workers = [Timers(kernel.commands, {"burn": burn}, clock) for _ in range(3)]
        assert await workers[0].step() == 0
        clock.advance(timedelta(days=1))

        while any(await asyncio.gather(*(worker.step() for worker in workers))):
            pass

        assert [await state_of(kernel, id) for id in ids] == [BurntNote()] * 5
        assert await number(kernel, "events") == 10


async def test_deadlines_met_together_are_met_once_by_any_number_of_workers(
    postgres: EmbeddedPostgres,
) -> None:
    async with kernel_on(postgres, BURNING) as kernel:
        ids = [await write(kernel, str(n)) for n in range(23)]
        sizes: list[int] = []

        async def burn_all(
            dues: Sequence[Due], transaction: Transaction, commands: Commands, now: datetime
        ) -> None:
            sizes.append(len(dues))
            for due in dues:
                await burn(due, transaction, commands, now)

        rules = {"burn": Together(burn_all, 5)}
        clock = MovableClock(NOW + timedelta(days=1))
        workers = [Timers(kernel.commands, rules, clock) for _ in range(3)]
        met = 0
        while done := sum(await asyncio.gather(*(worker.step() for worker in workers))):
            met += done

        assert met == sum(sizes) == 23
        assert max(sizes) == 5
        assert [await state_of(kernel, id) for id in ids] == [BurntNote()] * 23
        assert await number(kernel, "events") == 46


async def test_of_deadlines_met_together_one_that_fails_holds_up_no_other(
    postgres: EmbeddedPostgres,
) -> None:
    async with kernel_on(postgres, BURNING) as kernel:
        ids = [await write(kernel, str(n)) for n in range(7)]

        async def burn_all_but_one(
            dues: Sequence[Due], transaction: Transaction, commands: Commands, now: datetime
        ) -> None:
            for due in dues:
                await burn(due, transaction, commands, now)
                if due.message["note"] == str(ids[3]):
                    raise RuntimeError("that one")

        rules = {"burn": Together(burn_all_but_one, 5)}
        timers = Timers(kernel.commands, rules, MovableClock(NOW + timedelta(days=1)))
        async with kernel.database.transaction() as elsewhere:
            assert await timers.step() == 1
            assert await timers.step() == await timers.step() == 1
            with pytest.raises(RuntimeError, match="that one"):
                await timers.step()
            # as one of several workers sees it: the next one is claimed meanwhile
            await elsewhere.connection.execute(_CLAIMED, str(ids[3]))
            while await timers.step():
                pass

        burnt = [isinstance(await state_of(kernel, id), BurntNote) for id in ids]
        assert burnt == [True, True, True, False, True, True, True]
