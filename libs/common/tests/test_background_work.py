"""Timers, processors and snapshots: once, in time, and never what they must not be."""

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
from common.event_store import Recorded
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.processors import Processor, ProcessorRunner, Refused
from common.read_models import Projection, Stamp
from common.snapshots import SnapshotPolicy
from common.statements import Write
from common.testing.example import (
    NOTE,
    BurnNote,
    BurntNote,
    ChangeNote,
    NoteEvent,
    NoteState,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_at, kernel_on
from common.testing.waiting import eventually
from common.timers import Due, Timers, Together, set_timer
from common.worker import Worker, WorkerDeclaration
from pydantic import TypeAdapter

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


async def run_processor(kernel: Kernel, processor: Processor) -> asyncio.Task[None]:
    runner = ProcessorRunner(kernel.database, kernel.store, processor, MovableClock(NOW))
    task = asyncio.ensure_future(runner.run(kernel.wake))

    async def leads() -> bool:
        async with kernel.database.reader() as reader:
            return bool(await reader.connection.fetchval("select count(*) from cursors"))

    await eventually(leads)
    return task


async def test_a_processor_starts_from_now_and_calls_once_per_event(kernel: Kernel) -> None:
    await write(kernel, "before")
    calls: list[tuple[UUID, UUID]] = []

    async def act(record: Recorded, key: UUID) -> None:
        calls.append((record.event.note_id, key))

    task = await run_processor(kernel, Processor("tell", NoteWritten, act))
    ids = [await write(kernel, str(n)) for n in range(5)]

    async def all_called() -> bool:
        return len(calls) == 5

    await eventually(all_called)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert [id for id, _ in calls] == ids
    assert len({key for _, key in calls}) == 5


async def test_a_declared_processor_hears_what_came_before_its_first_worker(
    postgres: EmbeddedPostgres,
) -> None:
    calls: list[UUID] = []

    async def act(record: Recorded, key: UUID) -> None:
        calls.append(record.event.note_id)

    async with kernel_on(postgres) as older:
        await write(older, "of a version that knew no processor")
        declaration = replace(EXAMPLE, processors=("tell",))
        async with kernel_at(older.database.dsn, declaration) as kernel:
            ids = [await write(kernel, str(n)) for n in range(3)]
        async with kernel_at(older.database.dsn, declaration) as kernel:
            task = await run_processor(kernel, Processor("tell", NoteWritten, act))

            async def all_called() -> bool:
                return len(calls) >= len(ids)

            await eventually(all_called)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    assert calls == ids


async def test_a_worker_runs_no_processor_that_its_declaration_does_not_name(
    kernel: Kernel,
) -> None:
    async def act(record: Recorded, key: UUID) -> None:
        raise AssertionError(record)

    declaration = WorkerDeclaration(processors=[Processor("tell", NoteWritten, act)])
    feeds = Feeds("secret", {})

    with pytest.raises(ValueError, match="not in the service's declaration: tell"):
        Worker(kernel, declaration, InProcessBroker(), feeds, MovableClock(NOW))


async def test_a_failed_call_comes_again_under_its_key_and_a_refused_one_does_not(
    kernel: Kernel,
) -> None:
    keys: list[UUID] = []

    async def act(record: Recorded, key: UUID) -> None:
        keys.append(key)
        if record.event.title == "refused":
            raise Refused("never")
        if len(keys) == 1:
            raise OSError("away")

    processor = Processor("tell", NoteWritten, act)
    task = await run_processor(kernel, processor)
    await write(kernel, "first")
    with pytest.raises(OSError, match="away"):
        await task
    again = await run_processor(kernel, processor)
    await write(kernel, "refused")
    await write(kernel, "last")

    async def all_called() -> bool:
        return len(keys) == 4

    await eventually(all_called)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_calls_of_a_group_are_made_side_by_side_and_each_once(kernel: Kernel) -> None:
    together, most, calls = 0, 0, list[UUID]()

    async def act(record: Recorded, key: UUID) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.01)
        together -= 1
        calls.append(record.event.note_id)

    def not_boring(event: NoteWritten) -> bool:
        return event.title != "boring"

    processor = Processor("tell", NoteWritten, act, not_boring, at_once=4)
    ids = await write_unseen(kernel, processor, ["boring", *"abcdefghij"])
    task = await run_processor(kernel, processor)

    async def all_called() -> bool:
        return len(calls) == 10

    await eventually(all_called)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert sorted(calls) == sorted(ids[1:])
    assert most == 4
    assert await number(kernel, "outbound where outcome = 'done'") == 10


async def test_where_one_call_of_a_group_fails_the_others_are_not_made_again(
    kernel: Kernel,
) -> None:
    calls: list[str] = []

    async def act(record: Recorded, key: UUID) -> None:
        calls.append(record.event.title)
        if record.event.title == "b" and calls.count("b") == 1:
            raise OSError("away")

    processor = Processor("tell", NoteWritten, act, at_once=3)
    await write_unseen(kernel, processor, [*"abcdef"])
    with pytest.raises(OSError, match="away"):
        await (await run_processor(kernel, processor))
    again = await run_processor(kernel, processor)

    async def all_called() -> bool:
        return await number(kernel, "outbound where outcome = 'done'") == 6

    await eventually(all_called)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)

    assert sorted(calls) == [*"abbcdef"]


async def write_unseen(kernel: Kernel, processor: Processor, titles: Sequence[str]) -> list[UUID]:
    """Notes that a processor meets all at once when it comes back."""
    task = await run_processor(kernel, processor)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [await write(kernel, title) for title in titles]


async def test_a_snapshot_changes_nothing_but_the_work(postgres: EmbeddedPostgres) -> None:
    policy = SnapshotPolicy(NOTE, TypeAdapter(NoteState), every=3)
    async with kernel_on(postgres, replace(EXAMPLE, snapshots=(policy,))) as kernel:
        id = await write(kernel)
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
