"""A timer whose rule fails is tried again, later each time, and holds up no other."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from common.clock import MovableClock
from common.command_handling import Commands
from common.database import Transaction
from common.embedded_postgres import EmbeddedPostgres
from common.read_models import Projection, Stamp
from common.statements import Write
from common.testing.example import NOTE, NoteEvent, NoteWritten, WriteNote
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_on
from common.timers import Due, Timers, set_timer

pytestmark = pytest.mark.integration


def remind(event: NoteEvent, stamp: Stamp) -> list[Write]:
    if isinstance(event, NoteWritten):
        return [set_timer("remind", NOW + timedelta(days=1), stamp, {"title": event.title})]
    return []


async def test_one_that_always_fails_lets_the_others_by_and_waits_longer_each_time(
    postgres: EmbeddedPostgres,
) -> None:
    seconds, tried = [1_000.0], list[str]()

    async def rule(due: Due, _: Transaction, __: Commands, now: datetime) -> None:
        tried.append(due.message["title"])
        if due.message["title"] == "broken":
            raise RuntimeError("broken")

    projections = (*EXAMPLE.projections, Projection(NoteEvent, remind))
    async with kernel_on(postgres, replace(EXAMPLE, projections=projections)) as kernel:
        for title in ("broken", "whole", "sound"):
            id = uuid4()
            await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), title, "x"), cause())
        clock = MovableClock(NOW + timedelta(days=2))
        worker = Timers(kernel.commands, {"remind": rule}, clock, lambda: seconds[0])

        with pytest.raises(RuntimeError, match="broken"):
            await worker.step()
        assert [await worker.step() for _ in range(3)] == [True, True, False]
        for wait in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600):
            seconds[0] += wait - 0.5
            assert not await worker.step()
            seconds[0] += 0.5
            with pytest.raises(RuntimeError, match="broken"):
                await worker.step()

    assert tried[1:3] in (["whole", "sound"], ["sound", "whole"])
    assert tried.count("broken") == 14


async def test_one_that_was_mended_is_done_at_its_next_turn(postgres: EmbeddedPostgres) -> None:
    seconds, failures = [0.0], [RuntimeError("away"), RuntimeError("away")]

    async def rule(due: Due, _: Transaction, __: Commands, now: datetime) -> None:
        if failures:
            raise failures.pop()

    projections = (*EXAMPLE.projections, Projection(NoteEvent, remind))
    async with kernel_on(postgres, replace(EXAMPLE, projections=projections)) as kernel:
        id = uuid4()
        await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "t", "x"), cause())
        clock = MovableClock(NOW + timedelta(days=2))
        worker = Timers(kernel.commands, {"remind": rule}, clock, lambda: seconds[0])
        for _ in range(2):
            with pytest.raises(RuntimeError, match="away"):
                await worker.step()
            seconds[0] += 60

        assert [await worker.step(), await worker.step()] == [True, False]
