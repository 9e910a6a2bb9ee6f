"""Exchanges and queues of the system, declared by whoever needs them first.

It works alike on RabbitMQ 3.10 and 4: limits that newer versions have by default are explicit.
"""

from collections.abc import Collection
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aiormq.abc import FieldTable

DELIVERY_LIMIT = 20
"""Deliveries of one message before it is dead-lettered; a crash or a lost connection counts."""

NO_LIMIT = 1_000_000_000
"""Dead letters have nowhere further to go, and RabbitMQ 4 would drop them at its own limit."""

UNROUTED_KEPT = 10_000


@dataclass(frozen=True)
class Topology:
    """The names that follow from one exchange, and their declaration."""

    exchange: str
    partitions: int

    async def declare_exchange(self, channel: AbstractChannel) -> AbstractExchange:
        """The topic exchange; what nobody has bound goes to a bounded queue to be seen."""
        unrouted = f"{self.exchange}.unrouted"
        fanout = await channel.declare_exchange(
            unrouted, aio_pika.ExchangeType.FANOUT, durable=True
        )
        queue = await channel.declare_queue(
            unrouted, durable=True, arguments={"x-max-length": UNROUTED_KEPT}
        )
        await queue.bind(fanout)
        return await channel.declare_exchange(
            self.exchange,
            aio_pika.ExchangeType.TOPIC,
            durable=True,
            arguments={"alternate-exchange": unrouted},
        )

    async def declare_group(
        self, channel: AbstractChannel, group: str, types: Collection[str]
    ) -> None:
        """A group's partition queues and its dead letters; types may hold `*` for a word."""
        exchange = await self.declare_exchange(channel)
        dead = await channel.declare_exchange(
            f"{self.exchange}.dead", aio_pika.ExchangeType.DIRECT, durable=True
        )
        letters = await channel.declare_queue(
            dead_letter_queue(group),
            durable=True,
            arguments={"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT},
        )
        await letters.bind(dead, routing_key=dead_letter_queue(group))
        for n in range(self.partitions):
            queue = await channel.declare_queue(
                self.queue(group, n), durable=True, arguments=self._arguments(group)
            )
            for type_name in types:
                await queue.bind(exchange, routing_key=f"{type_name}.p{n}")

    def queue(self, group: str, n: int) -> str:
        """The name of a group's n-th partition queue."""
        return f"{group}.p{n}"

    def _arguments(self, group: str) -> FieldTable:
        return {
            "x-queue-type": "quorum",
            # one consumer at a time: with it the order of a partition is the order of its effects
            "x-single-active-consumer": True,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": f"{self.exchange}.dead",
            "x-dead-letter-routing-key": dead_letter_queue(group),
            "x-dead-letter-strategy": "at-least-once",
            # at-least-once dead letters silently become at-most-once with any other overflow
            "x-overflow": "reject-publish",
        }


def dead_letter_queue(group: str) -> str:
    """Where a group's messages go that were delivered too often."""
    return f"{group}.dead-letters"
