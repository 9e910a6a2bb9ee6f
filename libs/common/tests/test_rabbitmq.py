"""A broker that goes away: nothing lost, everybody back by themselves."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from common.broker import BrokerUnavailable, Outgoing
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_connections import Connections
from common.rabbitmq_topology import dead_letter_queue
from common.testing.rabbitmq import RabbitMQNode, own_rabbitmq
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def node() -> RabbitMQNode:
    """A broker that the test may stop; it ends with the test session."""
    return own_rabbitmq()


def numbered(start: int, stop: int) -> list[Outgoing]:
    return [
        Outgoing(uuid4(), "example.counted.v1", f"thing/{n % 5}", str(n).encode())
        for n in range(start, stop)
    ]


async def publish_until_safe(broker: RabbitMQBroker, messages: Sequence[Outgoing]) -> None:
    """As the relay does: from the first unconfirmed one, on a new channel, until all are safe."""
    safe = 0

    async def all_safe() -> bool:
        nonlocal safe
        with suppress(BrokerUnavailable):
            async with broker.publisher() as publisher:
                safe += await publisher.publish(messages[safe:])
        return safe == len(messages)

    await eventually(all_safe, within=60, what="all confirmed")


async def test_a_broker_that_restarts_loses_nothing_and_everybody_comes_back(
    node: RabbitMQNode,
) -> None:
    broker = RabbitMQBroker(node.url, partitions=2, exchange=f"test.{uuid4().hex}")
    name, heard, connected = f"group-{uuid4().hex}", list[bytes](), list[bool]()
    listened = list[bytes]()

    async def handle(bodies: Sequence[bytes]) -> None:
        heard.extend(bodies)

    await broker.declare(name, ["example.*.*"])
    tasks = [
        asyncio.ensure_future(broker.consume(name, ["example.*.*"], handle)),
        asyncio.ensure_future(broker.listen(listened.append, connected.append)),
    ]
    await publish_until_safe(broker, numbered(0, 100))
    await eventually(lambda: _true(len(set(heard)) == 100 and connected == [True]))

    await asyncio.to_thread(node.stop)
    with pytest.raises(BrokerUnavailable):
        async with broker.publisher() as publisher:
            await publisher.publish(numbered(100, 101))
    await eventually(lambda: _true(connected == [True, False]))
    await asyncio.to_thread(node.start)
    await publish_until_safe(broker, numbered(100, 200))
    await eventually(lambda: _true(len(set(heard)) == 200), within=60, what="200 messages")
    await eventually(lambda: _true(connected == [True, False, True]))

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_nobody_has_bound_is_kept_where_it_can_be_seen(amqp_url: str) -> None:
    exchange = f"test.{uuid4().hex}"
    broker = RabbitMQBroker(amqp_url, partitions=1, exchange=exchange)

    async with broker.publisher() as publisher:
        assert await publisher.publish(numbered(0, 3)) == 3

    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(f"{exchange}.unrouted", passive=True)
        assert (await queue.get()).body == b"0"


async def test_a_message_that_is_delivered_too_often_is_kept_as_a_dead_letter(
    amqp_url: str,
) -> None:
    exchange, name = f"test.{uuid4().hex}", f"group-{uuid4().hex}"
    broker = RabbitMQBroker(amqp_url, partitions=1, exchange=exchange)
    await broker.declare(name, ["example.*.*"])
    await publish_until_safe(broker, numbered(7, 8))

    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(f"{name}.p0")
        letters = await channel.get_queue(dead_letter_queue(name))

        async def refuse(message: AbstractIncomingMessage) -> None:
            await message.reject(requeue=True)

        async def dead() -> bytes | None:
            letter = await letters.get(fail=False)
            return letter.body if letter else None

        await queue.consume(refuse)

        assert await eventually(dead, what="a dead letter") == b"7"


async def _true(condition: bool) -> bool:
    return condition


async def test_a_connection_that_could_not_be_made_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aio-pika's begins to close itself when it is collected, outside of any loop, too."""
    made: list[aio_pika.Connection] = []
    make = aio_pika.Connection.__init__

    def remember(connection: aio_pika.Connection, *arguments: Any, **more: Any) -> None:
        make(connection, *arguments, **more)
        made.append(connection)

    monkeypatch.setattr(aio_pika.Connection, "__init__", remember)
    with pytest.raises(OSError, match="Connect call failed"):
        await Connections("amqp://127.0.0.1:1/").connect("nobody")
    assert [connection.is_closed for connection in made] == [True]
