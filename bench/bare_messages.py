"""How long a bare message takes over the same queues: the broker's part of a latency."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from bench.example_store import TEXT
from bench.queues import PARTITIONS, BenchQueues

EVENTS_A_SECOND = 300


async def at_a_pace(
    number: int, a_second: int, once: Callable[[int], Coroutine[Any, Any, None]]
) -> None:
    """Start `once(n)` so often a second; one that takes longer does not hold up the next."""
    start = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for n in range(number):
            await asyncio.sleep(start + n / a_second - time.monotonic())
            tasks.create_task(once(n))


async def bare_message_waits(queues: BenchQueues, seconds: float) -> list[int]:
    """Nanoseconds from before each publish until its arrival, at the pace of the events."""
    number = int(seconds * EVENTS_A_SECOND)
    sent: dict[str, int] = {}
    waits: list[int] = []
    everything = asyncio.Event()

    async def hear(message: AbstractIncomingMessage) -> None:
        waits.append(time.monotonic_ns() - sent[str(message.message_id)])
        await message.ack()
        if len(waits) == number:
            everything.set()

    async with queues.connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange(queues.topology.exchange)
        for name in queues.names:
            await (await channel.get_queue(name)).consume(hear)

        async def publish(n: int) -> None:
            message = aio_pika.Message(
                TEXT.encode(),
                message_id=str(uuid4()),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            sent[str(message.message_id)] = time.monotonic_ns()
            await exchange.publish(message, f"example.note_shared.v1.p{n % PARTITIONS}")

        await at_a_pace(number, EVENTS_A_SECOND, publish)
        async with asyncio.timeout(60):
            await everything.wait()
    return waits
