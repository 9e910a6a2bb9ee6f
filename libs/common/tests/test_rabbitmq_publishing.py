"""Frames that RabbitMQ reads as we mean them, and what becomes of messages it does not take."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aio_pika
import pamqp.commands
import pamqp.frame
import pytest
from aio_pika.abc import AbstractChannel
from common.broker import BrokerUnavailable, Outgoing
from common.messages import CONTENT_TYPE
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_publishing import IN_FLIGHT, MessageFrames
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

short = st.text(max_size=60)


@given(st.integers(1, 65535), short, short, short, st.binary(max_size=50), st.integers(1, 20))
def test_any_message_is_read_as_it_was_meant(
    channel: int, exchange: str, key: str, id: str, body: bytes, most: int
) -> None:
    frames = MessageFrames(channel, exchange, most)

    for _ in range(2):  # the second one out of memory
        raw, read = b"".join(frames.of(key, id, body)), []
        while raw:
            length, number, frame = pamqp.frame.unmarshal(raw)
            assert number == channel
            read.append(frame)
            raw = raw[length:]

        method, header, *pieces = read
        assert isinstance(method, pamqp.commands.Basic.Publish)
        assert (method.exchange, method.routing_key, method.mandatory) == (exchange, key, True)
        assert isinstance(header, ContentHeader)
        assert header.body_size == len(body)
        said = header.properties
        assert (said.content_type, said.delivery_mode, said.message_id) == (CONTENT_TYPE, 2, id)
        values = [piece.value for piece in pieces if isinstance(piece, ContentBody)]
        assert b"".join(values) == body
        assert len(values) == len(pieces) == -(-len(body) // most)


def test_a_key_that_no_frame_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes must be in range"):
        MessageFrames(1, "x", 100).of("k" * 256, "id", b"")


def messages(count: int, type_name: str = "example.counted.v1") -> list[Outgoing]:
    return [Outgoing(uuid4(), type_name, "thing/1", str(n).encode()) for n in range(count)]


@pytest.fixture
def exchange() -> str:
    return f"test.{uuid4().hex}"


@pytest.fixture
def broker(amqp_url: str, exchange: str) -> RabbitMQBroker:
    return RabbitMQBroker(amqp_url, partitions=1, exchange=exchange)


@pytest.fixture
async def aside(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    """Somebody else at the same broker."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel()


async def bodies(queue: aio_pika.abc.AbstractQueue) -> list[bytes]:
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.body)
    return found


@pytest.mark.integration
async def test_more_than_a_window_arrives_in_order(
    broker: RabbitMQBroker, exchange: str, aside: AbstractChannel
) -> None:
    many = messages(2 * IN_FLIGHT + 1)
    large = Outgoing(uuid4(), "example.counted.v1", "thing/1", b"x" * 300_000)
    async with broker.publisher() as publisher:
        queue = await aside.declare_queue(exclusive=True)
        await queue.bind(exchange, routing_key="#")

        assert await publisher.publish([*many, large]) == len(many) + 1
        assert await publisher.publish([]) == 0

    assert await bodies(queue) == [message.body for message in (*many, large)]


@pytest.mark.integration
async def test_what_a_queue_refuses_is_not_safe_nor_what_follows_it(
    broker: RabbitMQBroker, exchange: str, aside: AbstractChannel
) -> None:
    full = {"x-max-length": 3, "x-overflow": "reject-publish"}
    async with broker.publisher() as publisher:
        queue = await aside.declare_queue(exclusive=True, arguments=full)
        await queue.bind(exchange, routing_key="#")

        safe = await publisher.publish(messages(20))

    assert 3 <= safe < 20
    assert (await bodies(queue))[:safe] == [str(n).encode() for n in range(safe)]


@pytest.mark.integration
async def test_what_comes_back_is_not_safe(
    broker: RabbitMQBroker, exchange: str, aside: AbstractChannel
) -> None:
    async with broker.publisher() as publisher:
        await aside.queue_delete(f"{exchange}.unrouted")
        queue = await aside.declare_queue(exclusive=True)
        await queue.bind(exchange, routing_key="example.counted.v1.p0")
        mixed = [*messages(2), *messages(1, "example.unheard_of.v1"), *messages(2)]

        assert await publisher.publish(mixed) == 2

        with pytest.raises(BrokerUnavailable, match="PublishError"):
            await publisher.publish(mixed[2:])


@pytest.mark.integration
async def test_nothing_is_safe_once_the_channel_was_closed(
    broker: RabbitMQBroker, exchange: str, aside: AbstractChannel
) -> None:
    async with broker.publisher() as publisher:
        await aside.exchange_delete(exchange)

        for _ in range(2):
            with pytest.raises(BrokerUnavailable, match="the channel closed"):
                await publisher.publish(messages(3))
