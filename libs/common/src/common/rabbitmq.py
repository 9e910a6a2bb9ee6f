"""The broker between processes: RabbitMQ through aio-pika, with connections that we make anew.

aio-pika's robust connections do not repeat a failed publish and bring consumers back only mostly; a
plain one, thrown away at the first trouble, leaves one question: did it arrive? Versions answer it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from random import uniform
from typing import Any

import aiormq.channel
import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from prometheus_client import Counter

from common.broker import (
    BatchHandler,
    BrokerUnavailable,
    ConnectionListener,
    Listener,
    Publisher,
)
from common.rabbitmq_connections import (
    TROUBLE,
    ConnectionEnded,
    Connections,
    close,
    lost,
    while_open,
)
from common.rabbitmq_publishing import RabbitMQPublisher
from common.rabbitmq_topology import Topology, dead_letter_queue

log = structlog.get_logger(__name__)

BATCHES = Counter("cartulary_consumer_batches_total", "Batches handled", ["group"])
RETRIES = Counter("cartulary_consumer_retries_total", "Batches tried again", ["group"])

SILENCE_SECONDS = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0


class ConnectionLost(Exception):
    """The connection ended, or its consumer did."""


class RabbitMQBroker:
    """Publishes to and consumes from one exchange."""

    def __init__(
        self,
        url: str,
        *,
        partitions: int = 8,
        prefetch: int = 200,
        batch_size: int = 100,
        batch_wait: float = 0.005,
        exchange: str = "cartulary.events",
    ) -> None:
        self._connections = Connections(url)
        self._topology = Topology(exchange, partitions)
        self._prefetch = prefetch
        self._batch_size = batch_size
        self._batch_wait = batch_wait

    async def answers(self) -> bool:
        """Whether a connection is open, as far as this process has noticed."""
        return self._connections.any_open

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """A connection and channel of its own; thrown away at the end.

        When the broker goes away, what is done with it meanwhile ends in `BrokerUnavailable`.
        """
        try:
            connection = await self._connections.connect("publisher")
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await self._topology.declare_exchange(channel)
            # the layer below aio-pika, as for deliveries
            underlay = await channel.get_underlay_channel()
        except TROUBLE as error:
            raise BrokerUnavailable(repr(error)) from error
        assert isinstance(underlay, aiormq.channel.Channel)
        try:
            async with while_open(connection):
                yield RabbitMQPublisher(underlay, self._topology)
        except ConnectionEnded as error:
            raise BrokerUnavailable("the connection ended") from error
        finally:
            await close(connection)

    async def declare(self, group: str, types: Collection[str]) -> None:
        """Make and bind the group's queues. Raises `BrokerUnavailable`."""
        try:
            connection = await self._connections.connect(group)
            try:
                channel = await connection.channel()
                await self._topology.declare_group(channel, group, types)
            finally:
                await close(connection)
        except TROUBLE as error:
            raise BrokerUnavailable(repr(error)) from error

    async def consume(
        self,
        group: str,
        types: Collection[str],
        handler: BatchHandler,
        undelivered: BatchHandler | None = None,
    ) -> None:
        """Feed `handler`, one batch a partition at a time, and `undelivered`, until cancelled."""
        queues = {self._topology.queue(group, n): handler for n in range(self._topology.partitions)}
        if undelivered is not None:
            queues[dead_letter_queue(group)] = undelivered
        pause, clock = FIRST_PAUSE, asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                await self._consume_once(group, types, queues)
            except* (*TROUBLE, ConnectionLost) as errors:
                why = [repr(error) for error in errors.exceptions]
                log.warning("consumer_reconnects", group=group, why=why)
            if clock() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE  # it had worked
            await asyncio.sleep(pause * uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def listen(self, on_message: Listener, on_connection: ConnectionListener) -> None:
        """Hear every message until cancelled; the queue lives as long as the connection."""
        pause = FIRST_PAUSE
        while True:
            connected = False
            try:
                connection = await self._connections.connect("listener")
                try:
                    ended = lost(connection)
                    channel = await connection.channel()
                    exchange = await self._topology.declare_exchange(channel)
                    queue = await channel.declare_queue(exclusive=True, auto_delete=True)
                    await queue.bind(exchange, routing_key="#")
                    deliveries = await channel.get_underlay_channel()
                    await deliveries.basic_consume(queue.name, _each(on_message), no_ack=True)
                    on_connection(True)
                    connected, pause = True, FIRST_PAUSE
                    await ended.wait()
                finally:
                    if connected:
                        on_connection(False)
                    await close(connection)
            except TROUBLE as error:
                log.warning("listener_reconnects", why=repr(error))
            await asyncio.sleep(pause * uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _consume_once(
        self, group: str, types: Collection[str], queues: Mapping[str, BatchHandler]
    ) -> None:
        connection = await self._connections.connect(group)
        try:
            ended = lost(connection)
            channel = await connection.channel()
            await self._topology.declare_group(channel, group, types)
            log.info("consumer_connected", group=group)
            async with asyncio.TaskGroup() as tasks:
                for name, handler in queues.items():
                    queue = _BatchedQueue(name, group, handler)
                    tasks.create_task(
                        queue.run(connection, self._prefetch, self._batch_size, self._batch_wait)
                    )
                await ended.wait()
                raise ConnectionLost(group)
        finally:
            await close(connection)


class _BatchedQueue:
    """One queue on one channel: deliveries gathered to batches, acknowledged after their commit.

    A batch is at most a few hundred milliseconds of work, so the broker's limit for an
    acknowledgement (30 minutes) is far; a handler that stands still meets the database's first.
    """

    def __init__(self, name: str, group: str, handler: BatchHandler) -> None:
        self._name = name
        self._group = group
        self._handler = handler
        self._arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()

    async def run(
        self, connection: AbstractConnection, prefetch: int, size: int, wait: float
    ) -> None:
        """Consume until something breaks."""
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=prefetch)
        # the layer below aio-pika: its message objects cost a third of a consumer's time
        deliveries = await channel.get_underlay_channel()
        await deliveries.basic_consume(self._name, self._arrived.put)
        crowded = False
        while True:
            # alone, a message goes on at once; in a crowd it waits for company
            batch = await self._batch(size, wait if crowded else 0)
            crowded = len(batch) > 1
            if not batch:
                state = await channel.declare_queue(self._name, passive=True)
                counts = state.declaration_result
                if counts.message_count and not counts.consumer_count:
                    raise ConnectionLost(f"{self._name} has messages and no consumer")
                continue
            await self._until_handled([message.body for message in batch])
            BATCHES.labels(self._group).inc()
            await deliveries.basic_ack(batch[-1].delivery_tag or 0, multiple=True)

    async def _batch(self, size: int, wait: float) -> list[DeliveredMessage]:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                batch = [await self._arrived.get()]
        except TimeoutError:
            return []
        waited = False
        while len(batch) < size:
            if self._arrived.empty():
                if waited:
                    break
                waited = True
                await asyncio.sleep(wait)
                continue
            batch.append(self._arrived.get_nowait())
        return batch

    async def _until_handled(self, bodies: Sequence[bytes]) -> None:
        """The same batch again, in place: a requeue would put it behind its successors."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._handler(bodies)
            except Exception as error:
                RETRIES.labels(self._group).inc()
                log.warning("batch_retried", group=self._group, why=repr(error))
                await asyncio.sleep(pause * uniform(0.5, 1))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return


def _each(listener: Listener) -> Callable[[DeliveredMessage], Coroutine[Any, Any, None]]:
    async def hear(message: DeliveredMessage) -> None:
        listener(message.body)

    return hear
