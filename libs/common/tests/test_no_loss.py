"""P1: whatever writers do, every reader sees exactly what was committed, in order per stream."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from common.broker import Outgoing
from common.database import Transaction
from common.event_store import Recorded
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.log_followers import Follower, LeadershipLost, Lease, read_page
from common.messages import Envelope
from common.relay import Relay
from common.testing.example import NOTE, WriteNote, publish
from common.testing.kernel import cause
from common.testing.processes import process
from common.testing.random_writers import (
    STREAMS,
    Habits,
    prepare_for_writers,
    write_at_random,
)
from common.testing.waiting import eventually

WRITERS = 12


@dataclass
class Saw:
    """What one reader saw: per stream the versions, in the order of seeing."""

    versions: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def note(self, records: Sequence[Recorded]) -> None:
        for record in records:
            self.versions[record.stream].append(record.version)


async def committed(kernel: Kernel) -> dict[str, list[int]]:
    async with kernel.database.reader() as reader:
        rows = await reader.connection.fetch(
            "select stream, array_agg(version order by version) as versions from events group by 1"
        )
    return {row["stream"]: row["versions"] for row in rows}


async def has_written(kernel: Kernel, count: int) -> bool:
    return sum(map(len, (await committed(kernel)).values())) >= count


async def read_until_drained(
    kernel: Kernel, saw: Saw, pause: float, writing: Callable[[], bool]
) -> None:
    """As every follower reads; ends once nothing is left after the last writer has."""
    position = 0
    while True:
        last_round = not writing()
        async with kernel.database.reader() as reader:
            page = await read_page(reader, kernel.store, position)
        saw.note(page.events)
        moved, position = page.end > position, page.end
        if last_round and not moved:
            return
        await asyncio.sleep(pause)


async def write_and_read(
    kernel: Kernel, during: Callable[[], Awaitable[None]], habits: Habits
) -> list[Saw]:
    """Random writers as long as `during` takes, three readers of different speed beside them."""
    async with kernel.database.owner() as owner:
        await prepare_for_writers(owner)
    stop = asyncio.Event()
    writers = [
        asyncio.ensure_future(write_at_random(kernel.database.dsn, n, stop.is_set, habits))
        for n in range(WRITERS)
    ]

    def writing() -> bool:
        return not all(writer.done() for writer in writers)

    readers = [Saw() for _ in range(3)]
    reading = [
        asyncio.ensure_future(read_until_drained(kernel, saw, pause, writing))
        for saw, pause in zip(readers, (0, 0.005, 0.1), strict=True)
    ]
    await during()
    stop.set()
    await asyncio.gather(*writers, *reading)
    return readers


class Keeper:
    """A publisher that keeps what the relay gives it."""

    def __init__(self, saw: Saw) -> None:
        self._saw = saw

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        for message in messages:
            envelope = Envelope.from_bytes(message.body)
            self._saw.versions[envelope.stream].append(envelope.version)
        return len(messages)


@asynccontextmanager
async def following(kernel: Kernel) -> AsyncIterator[list[Saw]]:
    """A follower, whose effects stand in a table, and the relay, under the same writers."""
    follower, relayed = Saw(), Saw()
    relay = Relay(kernel.database, kernel.store, publish, InProcessBroker(), kernel.seal)

    async def effects(transaction: Transaction, events: Sequence[Recorded]) -> None:
        follower.note(events)

    async def keep_relaying() -> None:
        lease, keeper = Lease("relay", 0, 0), Keeper(relayed)
        while True:
            lease = await relay.step(lease, keeper) or lease
            await asyncio.sleep(0.005)

    async with kernel.database.reader() as reader:
        await reader.connection.execute("insert into cursors values ('relay', 0, 0)")
    run = Follower(kernel.database, kernel.store, "watch", effects, from_now=False).run(kernel.wake)
    tasks = [asyncio.ensure_future(run), asyncio.ensure_future(keep_relaying())]
    try:
        yield [follower, relayed]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_reader_sees_exactly_what_was_committed_in_order_per_stream(
    kernel: Kernel, tmp_path: Path
) -> None:
    """Besides, a whole process of writers is killed in the middle of its transactions."""
    program = ["-m", "common.testing.random_writers", kernel.database.dsn, "1000"]
    with process(program, {}, tmp_path / "output") as other:

        async def write_kill_write() -> None:
            await eventually(lambda: has_written(kernel, 700), what="700 events")
            other.kill()
            await eventually(lambda: has_written(kernel, 1_200), what="500 more")

        async with following(kernel) as behind:
            readers = await write_and_read(kernel, write_kill_write, Habits())
            truth = await committed(kernel)

            async def all_caught_up() -> bool:
                return all(saw.versions == truth for saw in behind)

            await eventually(all_caught_up, what="the follower and the relay at the end")

    assert other.said() == ""
    assert set(truth) == set(STREAMS)
    assert all(versions == list(range(1, len(versions) + 1)) for versions in truth.values())
    assert [saw.versions for saw in readers] == [truth] * 3


async def test_without_the_trigger_the_same_readers_miss_events(kernel: Kernel) -> None:
    """The negative control: the experiment above is able to see a loss."""
    async with kernel.database.owner() as owner:
        await owner.execute("alter table events disable trigger events_floor")

    async def write() -> None:
        await eventually(lambda: has_written(kernel, 400), what="400 events")

    readers = await write_and_read(kernel, write, Habits(held=10, backend_ended=0))

    count = sum(map(len, (await committed(kernel)).values()))
    assert all(0 < sum(map(len, saw.versions.values())) < count for saw in readers[:2])


async def test_a_relay_that_was_overtaken_moves_nothing_and_remembers_nothing(
    kernel: Kernel,
) -> None:
    """What it publishes meanwhile comes twice, and its readers drop it by its version."""
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "x"), cause())
    relay = Relay(kernel.database, kernel.store, publish, InProcessBroker(), kernel.seal)
    async with kernel.database.reader() as reader:
        await reader.connection.execute("insert into cursors values ('relay', 0, 7)")

    with pytest.raises(LeadershipLost):
        await relay.step(Lease("relay", 6, 0), Keeper(Saw()))

    async with kernel.database.reader() as reader:
        position = await reader.connection.fetchval("select position from cursors")
        published = await reader.connection.fetchval("select count(*) from published_streams")
    assert (position, published) == (0, 0)
