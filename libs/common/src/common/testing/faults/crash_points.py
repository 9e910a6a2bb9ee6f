"""Named points at which a real process ends or pauses itself: for tests of what is left behind.

Nothing of this is in production code. The test services wrap the seams that exist (the database's
transaction, the broker's publisher, its handler) and the environment names one point:
`CRASH_POINT=after_publish CRASH_PASS=3 CRASH_SIGNAL=SIGKILL`.
"""

import os
import signal
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum

from common.broker import (
    BatchHandler,
    Broker,
    ConnectionListener,
    Listener,
    Outgoing,
    Publisher,
)
from common.database import Database, Transaction
from common.kernel import Kernel
from common.statements import Write


class CrashPoint(StrEnum):
    """Where a process may be struck."""

    BEFORE_COMMIT = "before_commit"
    """A unit of work knows everything that it will write, and has committed nothing."""

    AFTER_COMMIT = "after_commit"
    """It is committed, and nobody knows it yet: no answer, no acknowledgement, no wake-up."""

    BEFORE_PUBLISH = "before_publish"
    """The relay has read a page of the log and sent nothing of it."""

    AMID_PUBLISH = "amid_publish"
    """Half of the page is safe with the broker."""

    AFTER_PUBLISH = "after_publish"
    """The whole page is safe with the broker; the relay's cursor does not know it."""

    BEFORE_EFFECT = "before_effect"
    """The consumer has a batch in its hands and has done nothing with it."""

    AFTER_EFFECT = "after_effect"
    """The batch's effects are committed; the broker has no acknowledgement."""

    MIGRATING = "migrating"
    """The first half of a migration is done, in a transaction that is open."""

    REBUILDING = "rebuilding"
    """Some events are in the tables that are built beside the live ones."""


class CrashPoints:
    """The one point at which this process is to be struck, if any."""

    def __init__(
        self,
        point: CrashPoint | None,
        passes: int = 1,
        number: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._point = point
        self._left = passes
        self._signal = number

    @staticmethod
    def from_environment() -> "CrashPoints":
        """What the environment asks for. Raises `ValueError` for an unknown point."""
        name = os.environ.get("CRASH_POINT")
        return CrashPoints(
            CrashPoint(name) if name else None,
            int(os.environ.get("CRASH_PASS", "1")),
            signal.Signals[os.environ.get("CRASH_SIGNAL", "SIGKILL")],
        )

    @property
    def armed(self) -> bool:
        """Whether there is one; without it nothing is wrapped, and runs as in production."""
        return self._point is not None

    def reach(self, point: CrashPoint) -> None:
        """This process is at that point now."""
        if point is not self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signal)


def with_crash_points(kernel: Kernel, points: CrashPoints) -> Kernel:
    """The same kernel, whose units of work pass the points of a commit if one is asked for."""
    if not points.armed:
        return kernel
    database = _CrashingDatabase(kernel.database, points)
    kernel.commands.database = database
    return replace(kernel, database=database)


class _CrashingDatabase(Database):
    def __init__(self, database: Database, points: CrashPoints) -> None:
        vars(self).update(vars(database))  # the same pool, which the kernel closes
        self._points = points

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One unit of work."""
        async with super().transaction() as transaction:
            yield transaction
            self._points.reach(CrashPoint.BEFORE_COMMIT)
        self._points.reach(CrashPoint.AFTER_COMMIT)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Transaction]:
        """A connection on which a command's one statement commits itself."""
        async with super().reader() as reader:
            yield _CrashingReader(reader, self._points)


class _CrashingReader(Transaction):
    def __init__(self, reader: Transaction, points: CrashPoints) -> None:
        super().__init__(reader.connection, reader.commits)
        self._points = points

    async def write_together(
        self, last: str, arguments: Sequence[object], writes: Sequence[Write]
    ) -> None:
        """The statement of a command: all of its unit of work."""
        self._points.reach(CrashPoint.BEFORE_COMMIT)
        await super().write_together(last, arguments, writes)
        self._points.reach(CrashPoint.AFTER_COMMIT)


def broker_with_crash_points(broker: Broker, points: CrashPoints) -> Broker:
    """The same broker, whose publisher and consumers pass their points if one is asked for."""
    return _CrashingBroker(broker, points) if points.armed else broker


class _CrashingBroker:
    """A broker whose publisher and consumers pass their points."""

    def __init__(self, broker: Broker, points: CrashPoints) -> None:
        self._broker = broker
        self._points = points

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """A channel for one relay."""
        async with self._broker.publisher() as publisher:
            yield _CrashingPublisher(publisher, self._points)

    async def declare(self, group: str, types: Collection[str]) -> None:
        """Make and bind the group's queues."""
        await self._broker.declare(group, types)

    async def consume(
        self,
        group: str,
        types: Collection[str],
        handler: BatchHandler,
        undelivered: BatchHandler | None = None,
    ) -> None:
        """Feed `handler` until cancelled."""

        async def handle(batch: Sequence[bytes]) -> None:
            self._points.reach(CrashPoint.BEFORE_EFFECT)
            await handler(batch)
            self._points.reach(CrashPoint.AFTER_EFFECT)

        await self._broker.consume(group, types, handle, undelivered)

    async def listen(self, on_message: Listener, on_connection: ConnectionListener) -> None:
        """Every message to every listener."""
        await self._broker.listen(on_message, on_connection)


class _CrashingPublisher:
    def __init__(self, publisher: Publisher, points: CrashPoints) -> None:
        self._publisher = publisher
        self._points = points

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """Send in order, in two halves."""
        self._points.reach(CrashPoint.BEFORE_PUBLISH)
        half = len(messages) // 2
        first = await self._publisher.publish(messages[:half]) if half else 0
        if first < half:
            return first
        self._points.reach(CrashPoint.AMID_PUBLISH)
        second = await self._publisher.publish(messages[half:])
        self._points.reach(CrashPoint.AFTER_PUBLISH)
        return first + second
