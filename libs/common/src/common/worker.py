"""A service's second process: relay, inbox, processors, timers, housekeeping; each supervised."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from common.broker import Broker
from common.clock import Clock
from common.feed import Feeds
from common.inbox import Inbox, MessageView, Reaction
from common.kernel import Kernel
from common.observability import supervise
from common.processors import Processor, ProcessorRunner
from common.relay import Relay, keep_running
from common.timers import OnDue, Timers

log = structlog.get_logger(__name__)

ANSWERS_KEPT = timedelta(hours=24)
SWEEP_SECONDS = 600


@dataclass(frozen=True)
class WorkerDeclaration:
    """What a service does behind its API."""

    handlers: Sequence[Reaction | MessageView] = ()
    processors: Sequence[Processor] = ()
    on_due: Mapping[str, OnDue] = field(default_factory=dict)


class Worker:
    """The background work of one service."""

    def __init__(
        self,
        kernel: Kernel,
        declaration: WorkerDeclaration,
        broker: Broker,
        feeds: Feeds,
        clock: Clock,
    ) -> None:
        self._kernel = kernel
        self._declaration = declaration
        self._broker = broker
        self._clock = clock
        self._name = kernel.declaration.source
        self._inbox = Inbox(
            self._name,
            kernel.commands,
            declaration.handlers,
            kernel.seal,
            feeds.missing,
            clock,
        )

    async def declare(self) -> None:
        """Bind the queues; done for all services before any relay starts in an embedded run."""
        if self._inbox.types:
            await self._broker.declare(self._name, self._inbox.types)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, run in self._loops().items():
                group.create_task(supervise(f"{self._name} {name}", run))

    def _loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        kernel = self._kernel
        relay = Relay(
            kernel.database, kernel.store, kernel.declaration.publish, self._broker, kernel.seal
        )
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "relay": lambda: keep_running(relay, kernel.wake),
            "sweeper": self._sweep,
        }
        if self._inbox.types:
            loops["inbox"] = self._consume
        if self._declaration.on_due:
            timers = Timers(kernel.commands, self._declaration.on_due, self._clock)
            loops["timers"] = timers.run
        for processor in self._declaration.processors:
            runner = ProcessorRunner(kernel.database, kernel.store, processor, self._clock)
            loops[processor.name] = lambda runner=runner: runner.run(kernel.wake)  # type: ignore[misc] # bound now
        return loops

    async def _consume(self) -> None:
        await self._broker.consume(self._name, self._inbox.types, self._inbox.handle)

    async def _sweep(self) -> None:
        """Forget the answers that nobody may ask for any more."""
        while True:
            before = self._clock.now() - ANSWERS_KEPT
            async with self._kernel.database.reader() as writer:
                await writer.connection.execute(_FORGET, before)
            await asyncio.sleep(SWEEP_SECONDS)


async def until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    """Run until SIGTERM or SIGINT asks to end; then cancel and wait."""
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("worker_stopped")


_FORGET = "delete from commands where fingerprint is not null and at < $1"
