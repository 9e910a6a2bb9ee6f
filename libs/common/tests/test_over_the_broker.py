"""P2, P8 and P13 over a real RabbitMQ: order, losses noticed, and a broker that goes away."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from common.broker import Outgoing, Publisher
from common.embedded_postgres import EmbeddedPostgres
from common.inbox import HANDLED
from common.kernel import Kernel
from common.log_followers import PAGE
from common.messages import Envelope
from common.rabbitmq import RabbitMQBroker
from common.relay import Relay, keep_running
from common.testing.example import NOTE, BurnNote, ChangeNote, WriteNote, publish
from common.testing.kernel import cause, kernel_at
from common.testing.rabbitmq import RabbitMQNode, own_rabbitmq
from common.testing.reader import Reader, reader_on
from common.testing.waiting import eventually


@pytest.fixture(scope="module")
def node() -> RabbitMQNode:
    """A broker that the test may stop; it ends with the test session."""
    return own_rabbitmq()


@pytest.fixture
async def reader(postgres: EmbeddedPostgres, kernel: Kernel) -> AsyncIterator[Reader]:
    """The second service; the feed is the first one's."""

    async def missing(source: str, stream: str, after: int) -> Sequence[bytes]:
        return await kernel.feed(stream, after)

    async with reader_on(postgres, missing) as reader:
        yield reader


class Measured(RabbitMQBroker):
    """The real one; remembers how much it was given at a time."""

    largest = 0

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        async with super().publisher() as real:
            self._real = real
            yield self

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        self.largest = max(self.largest, len(messages))
        return await self._real.publish(messages)


async def life(kernel: Kernel, text: str) -> UUID:
    """A note that is written, changed and burnt: the first and the last are public."""
    id = uuid4()
    await kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), text), cause())
    await kernel.commands.handle(NOTE, id, ChangeNote(id, text + " changed"), cause())
    await kernel.commands.handle(NOTE, id, BurnNote(id), cause())
    return id


async def saw(reader: Reader, count: int) -> bool:
    return len(await reader.saw()) >= count


async def cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.integration
async def test_a_broker_restart_and_another_leader_cost_neither_order_nor_an_answer(
    node: RabbitMQNode, kernel: Kernel, reader: Reader
) -> None:
    """Writers go on all the time: while the broker is away nobody is told so."""
    broker = Measured(node.url, partitions=2, exchange=f"test.{uuid4().hex}")
    group, inbox = f"reader-{uuid4().hex}", reader.inbox
    await broker.declare(group, inbox.types)
    async with kernel_at(kernel.database.dsn) as second:
        consuming = asyncio.ensure_future(broker.consume(group, inbox.types, inbox.handle))
        first_leader, next_leader = (
            asyncio.ensure_future(
                keep_running(Relay(one.database, one.store, publish, broker, one.seal), one.wake)
            )
            for one in (kernel, second)
        )
        ids = [await life(kernel, f"before {n}") for n in range(20)]
        await eventually(lambda: saw(reader, 20), within=60, what="half of it")
        await asyncio.to_thread(node.stop)
        ids += [await life(kernel, f"without {n}") for n in range(PAGE // 3 + 20)]
        await cancel(first_leader)
        await asyncio.to_thread(node.start)
        ids += [await life(kernel, f"after {n}") for n in range(20)]
        await eventually(lambda: saw(reader, 2 * len(ids)), within=120, what="everything")
        await cancel(consuming, next_leader)

    effects: defaultdict[UUID, list[str]] = defaultdict(list)
    for id, what in await reader.saw():
        effects[id].append(what)
    assert set(effects) == set(ids)
    assert all(whats[1:] == ["gone"] and whats[0] != "gone" for whats in effects.values())
    # what waits in the log is published page by page, however much it has become
    assert 0 < broker.largest < PAGE


@pytest.mark.integration
async def test_a_message_that_somebody_deletes_from_the_queue_is_noticed_and_fetched(
    amqp_url: str, kernel: Kernel, reader: Reader
) -> None:
    broker = RabbitMQBroker(amqp_url, partitions=1, exchange=f"test.{uuid4().hex}")
    group = f"reader-{uuid4().hex}"
    await broker.declare(group, reader.inbox.types)
    relay = Relay(kernel.database, kernel.store, publish, broker, kernel.seal)
    relaying = asyncio.ensure_future(relay.run(kernel.wake))
    ids = [await life(kernel, f"text {n}") for n in range(3)]
    gaps = HANDLED.labels("reader", "gap")
    before = gaps._value.get()

    await delete_from_queue(amqp_url, f"{group}.p0", NOTE.stream(ids[1]))
    consume = broker.consume(group, reader.inbox.types, reader.inbox.handle)
    consuming = asyncio.ensure_future(consume)
    await eventually(lambda: saw(reader, 6), what="all effects")
    await cancel(relaying, consuming)

    assert gaps._value.get() == before + 1
    for n, id in enumerate(ids):
        assert [w for found, w in await reader.saw() if found == id] == [f"text {n}", "gone"]


async def delete_from_queue(amqp_url: str, queue: str, stream: str) -> None:
    """Take a stream's first message out by hand; the others stay."""
    deleted = asyncio.Event()

    async def take(message: AbstractIncomingMessage) -> None:
        envelope = Envelope.from_bytes(message.body)
        if (envelope.stream, envelope.version) == (stream, 1):
            await message.ack()
            deleted.set()

    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await (await channel.get_queue(queue)).consume(take)
        with suppress(TimeoutError):
            await asyncio.wait_for(deleted.wait(), 20)
    assert deleted.is_set()
