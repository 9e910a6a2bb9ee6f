"""Timers, processors and snapshots: once, in time, and never what they must not be."""

import asyncio
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
from common.timers import Due, Timers, set_timer
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


async def state_of(kernel: Kernel, id: UUID) -> NoteState:
    async with kernel.database.reader() as reader:
        _, state = await kernel.commands.state(reader, NOTE, id)
    return state


async def test_a_timer_fires_when_its_time_has_come_and_once(postgres: EmbeddedPostgres) -> None:
    projections = (*EXAMPLE.projections, Projection(NoteEvent, burn_tomorrow))
    async with kernel_on(postgres, replace(EXAMPLE, projections=projections)) as kernel:
        ids = [await write(kernel, str(n)) for n in range(5)]
        clock = MovableClock(NOW)
        workers = [Timers(kernel.commands, {"burn": burn}, clock) for _ in range(3)]
        assert await workers[0].step() is False
        clock.advance(timedelta(days=1))

        while any(await asyncio.gather(*(worker.step() for worker in workers))):
            pass

        assert [await state_of(kernel, id) for id in ids] == [BurntNote()] * 5
        async with kernel.database.reader() as reader:
            assert await reader.connection.fetchval("select count(*) from events") == 10


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
