"""Processors: what they hear, once each, and what becomes of a call that fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Recorded
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.processors import Processor, ProcessorRunner, Refused
from common.testing.example import (
    NOTE,
    NoteWritten,
    WriteNote,
)
from common.testing.kernel import EXAMPLE, NOW, cause, kernel_at, kernel_on
from common.testing.waiting import eventually
from common.worker import Worker, WorkerDeclaration

pytestmark = pytest.mark.integration


async def write(kernel: Kernel, title: str = "t") -> UUID:
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), title, "x"), cause())
    return id


async def number(kernel: Kernel, rows: str) -> int:
    async with kernel.database.reader() as reader:
        found: int = await reader.connection.fetchval(f"select count(*) from {rows}")
    return found


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

    async def all_done() -> bool:
        return await number(kernel, "outbound where outcome = 'done'") == 10

    await eventually(all_done)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert sorted(calls) == sorted(ids[1:])
    assert most == 4


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
