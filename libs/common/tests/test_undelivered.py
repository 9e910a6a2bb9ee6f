"""A message that ends whoever takes it: given up by the broker, parked, tried by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.parking import Letter, letters_of
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_topology import dead_letter_queue
from common.replaying import replay
from common.testing.example import NOTE, WriteNote
from common.testing.kernel import cause
from common.testing.reader import Reader, reader_on
from common.testing.waiting import eventually
from common.undelivered import park_undelivered

pytestmark = pytest.mark.integration


@pytest.fixture
async def reader(postgres: EmbeddedPostgres, kernel: Kernel) -> AsyncIterator[Reader]:
    """The second service; the feed is the first one's."""

    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        return await kernel.feed(stream, after)

    async with reader_on(postgres, missing) as reader:
        yield reader


async def parked(reader: Reader, id: UUID) -> list[Letter]:
    return await letters_of(reader.kernel.database, "reader", NOTE.stream(id))


async def end_every_consumer(url: str, queue: str, letters: str) -> None:
    """Take the message and end the connection, until the broker gives it up."""

    async def given_up() -> bool:
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            taken = asyncio.Event()

            async def take(_: AbstractIncomingMessage) -> None:
                taken.set()

            await (await channel.get_queue(queue)).consume(take)
            dead = await channel.get_queue(letters)
            waiting = asyncio.ensure_future(taken.wait())
            await asyncio.wait({waiting}, timeout=0.5)
            waiting.cancel()
            return bool(dead.declaration_result.message_count)

    await eventually(given_up, within=60, what="a dead letter")


async def until_cancelled(
    work: Callable[[], Awaitable[None]], probe: Callable[[], Awaitable[bool]]
) -> None:
    task = asyncio.ensure_future(work())
    await eventually(probe, within=60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_message_that_ended_its_consumers_is_parked_and_can_be_replayed(
    kernel: Kernel, reader: Reader, amqp_url: str
) -> None:
    group, database = f"reader-{uuid4().hex[:8]}", reader.kernel.database
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), "title", "deadly"), cause())
    (message,) = await kernel.feed(NOTE.stream(id), 0)
    broker = RabbitMQBroker(amqp_url, partitions=1, exchange=f"test.{uuid4().hex}")
    await broker.declare(group, reader.inbox.types)
    await send(amqp_url, f"{group}.p0", message)
    await end_every_consumer(amqp_url, f"{group}.p0", dead_letter_queue(group))

    async def consume() -> None:
        undelivered = park_undelivered("reader", database, SystemClock())
        await broker.consume(group, reader.inbox.types, reader.inbox.handle, undelivered)

    async def is_parked() -> bool:
        return bool(await parked(reader, id))

    await until_cancelled(consume, is_parked)
    assert [letter.reason for letter in await parked(reader, id)] == ["undelivered"]
    await replay(database, reader.inbox, "example", NOTE.stream(id))

    assert await reader.saw() == [(id, "deadly")]
    # handled meanwhile by another way: the same letter once more changes nothing
    await park_undelivered("reader", database, SystemClock())([message])
    assert await parked(reader, id) == []


async def send(url: str, queue: str, body: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(body), routing_key=queue)
