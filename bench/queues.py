"""Queues as a service's worker has them, on a real RabbitMQ, removed after the measurement."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_topology import Topology, dead_letter_queue
from common.testing.rabbitmq import rabbitmq

PARTITIONS = 8
TYPES = ("example.*.*",)


@dataclass(frozen=True)
class BenchQueues:
    """The queues of one group on an exchange of its own, our broker, and a plain connection."""

    broker: RabbitMQBroker
    topology: Topology
    group: str
    connection: AbstractConnection
    channel: AbstractChannel

    @property
    def names(self) -> list[str]:
        """The queue of each partition."""
        return [self.topology.queue(self.group, n) for n in range(PARTITIONS)]

    @property
    def server(self) -> str:
        """The broker's name and version, as it tells them."""
        assert self.connection.transport is not None
        properties = self.connection.transport.connection.server_properties
        return " ".join(str(properties[name]) for name in ("product", "version"))

    async def purge(self) -> None:
        """Empty the queues."""
        for name in self.names:
            await (await self.channel.get_queue(name)).purge()


@asynccontextmanager
async def bench_queues() -> AsyncIterator[BenchQueues]:
    """Quorum queues with single active consumer, declared by the code that is measured."""
    name = f"bench-{uuid4().hex}"
    with rabbitmq() as url:
        broker = RabbitMQBroker(url, partitions=PARTITIONS, exchange=name)
        await broker.declare(name, TYPES)
        connection = await aio_pika.connect(url)
        try:
            channel = await connection.channel()
            queues = BenchQueues(broker, Topology(name, PARTITIONS), name, connection, channel)
            yield queues
            for queue in (*queues.names, dead_letter_queue(name), f"{name}.unrouted"):
                await channel.queue_delete(queue)
            for exchange in (name, f"{name}.dead", f"{name}.unrouted"):
                await channel.exchange_delete(exchange)
        finally:
            await connection.close()
