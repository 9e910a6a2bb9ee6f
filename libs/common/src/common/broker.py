"""What carries messages between services: the promise that both brokers keep.

Two classes implement it and one conformance suite runs over both: `rabbitmq.RabbitMQBroker` for
processes of their own, `in_process.InProcessBroker` for everything in one.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as the broker sees it. `subject` decides the partition, hence the order."""

    id: UUID
    type: str
    subject: str
    body: bytes


BatchHandler = Callable[[Sequence[bytes]], Awaitable[None]]
"""Takes raw messages in order and returns once their effects are committed. An exception means:
nothing was committed, deliver the same batch again after a pause."""

Listener = Callable[[bytes], None]
ConnectionListener = Callable[[bool], None]


class BrokerUnavailable(Exception):
    """The broker did not confirm; whether it has the messages is unknown. Publish them again."""


class Publisher(Protocol):
    """One ordered channel into the exchange."""

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """Send in order; return how many of the leading messages are safe with the broker.

        Fewer than all means trouble in between: the rest must be published again, in order.
        Raises `BrokerUnavailable` when not even the first is safe.
        """
        ...


class Broker(Protocol):
    """At least once, in order per subject."""

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """A channel for one relay; entering it connects or raises `BrokerUnavailable`."""
        ...

    async def declare(self, group: str, types: Collection[str]) -> None:
        """Make and bind the group's queues: what is published from now on waits for it."""
        ...

    async def consume(
        self,
        group: str,
        types: Collection[str],
        handler: BatchHandler,
        undelivered: BatchHandler | None = None,
    ) -> None:
        """Feed `handler` until cancelled, through the broker's absences; acknowledge after it.

        `undelivered` takes what the broker gave up delivering; without it that stays in its queue.
        """
        ...

    async def listen(self, on_message: Listener, on_connection: ConnectionListener) -> None:
        """Every message to every listener, from now on and as long as connected; until cancelled.

        `on_connection(True)` follows a (re)connection, `on_connection(False)` its loss: messages
        may have been missed in between. For caches, not for effects.
        """
        ...


def partition(subject: str, partitions: int) -> int:
    """The partition of a subject: the same on every machine and in every version."""
    return crc32(subject.encode()) % partitions
