"""The relay, from a full log to confirmed messages; beside bare confirmed publishes."""

import time
from itertools import count
from uuid import uuid4

import aio_pika
from common.broker import Publisher
from common.kernel import Kernel
from common.log_followers import Lease
from common.messages import CONTENT_TYPE
from common.rabbitmq_publishing import IN_FLIGHT
from common.relay import Relay
from common.testing.example import NoteEvent, NoteWritten

from bench.example_store import TEXT, append, example_store
from bench.measurement import Measurement, Reference
from bench.queues import PARTITIONS, BenchQueues, bench_queues
from bench.rounds import Run, Side, in_turn, repeated
from bench.targets import line

EVENTS_A_SECOND = 3_000
"""So many are put into the log for each second of a round; the figure is what they took."""
EVENTS_A_STREAM = 5


async def measure(run: Run) -> list[Measurement]:
    """The line about the relay."""
    async with (
        bench_queues() as queues,
        example_store(run.postgres, connections=4) as kernel,
        queues.broker.publisher() as publisher,
    ):
        server, body = queues.server, await _a_message(kernel)
        figures = await in_turn(
            run,
            await _relaying(kernel, queues, publisher),
            confirms=await _confirming(queues, body),
        )
    conditions = run.told(
        f"messages of {len(body)} bytes, {EVENTS_A_STREAM} a stream, {PARTITIONS} quorum queues, "
        f"{server}"
    )
    reference = Reference(f"aio-pika confirms, {IN_FLIGHT} in flight", figures["confirms"])
    return [line("relay", "relay", figures["ours"], reference, unit="/s", conditions=conditions)]


async def _a_message(kernel: Kernel) -> bytes:
    """One as the relay sends them."""
    note_id = uuid4()
    await append(kernel, note_id, _public_events())
    return (await kernel.feed(f"note-{note_id}", 0))[0]


def _public_events() -> list[NoteEvent]:
    note_id, author = uuid4(), uuid4()
    return [NoteWritten(note_id, author, f"Note {note_id}", TEXT) for _ in range(EVENTS_A_STREAM)]


async def _relaying(kernel: Kernel, queues: BenchQueues, publisher: Publisher) -> Side:
    relay = Relay(
        kernel.database, kernel.store, kernel.declaration.publish, queues.broker, kernel.seal
    )
    async with kernel.database.reader() as writer:
        await writer.connection.execute(_CURSOR)
    lease = Lease("relay", 1, 0)

    async def prepare(seconds: float) -> None:
        await queues.purge()
        for _ in range(int(EVENTS_A_SECOND * seconds) // EVENTS_A_STREAM):
            await append(kernel, uuid4(), _public_events())

    async def work(_: float) -> float:
        nonlocal lease
        first, start = lease.position, time.perf_counter()
        while (moved := await relay.step(lease, publisher)) is not None:
            lease = moved
        return (lease.position - first) / (time.perf_counter() - start)

    return Side(work, prepare)


async def _confirming(queues: BenchQueues, body: bytes) -> Side:
    """As many workers as may be in flight, each publishing one after the other: no window ever
    waits for its slowest."""
    channel = await queues.connection.channel(publisher_confirms=True, on_return_raises=True)
    exchange = await channel.get_exchange(queues.topology.exchange)
    numbers = count()

    async def once(_: int) -> None:
        message = aio_pika.Message(
            body,
            message_id=str(uuid4()),
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        key = f"example.note_shared.v1.p{next(numbers) % PARTITIONS}"
        await exchange.publish(message, routing_key=key)

    async def prepare(_: float) -> None:
        await queues.purge()

    return Side(repeated(IN_FLIGHT, once).work, prepare)


_CURSOR = "insert into cursors (name, position, epoch) values ('relay', 0, 1)"
