"""A service's second process: relay, inbox, processors, timers, housekeeping; each supervised."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
import uvloop

from common.broker import Broker
from common.catching_up import CatchingUp
from common.clock import Clock
from common.feed import Feeds
from common.garbage import settle
from common.inbox import Inbox, MessageView, Reaction
from common.kernel import Kernel
from common.observability import supervise
from common.processors import Processor, ProcessorRunner
from common.relay import Relay, keep_running
from common.replaying import replay_due
from common.timers import Rules, Timers
from common.undelivered import park_undelivered
from common.watching import keep_measuring

log = structlog.get_logger(__name__)

ANSWERS_KEPT = timedelta(hours=24)
SWEEP_SECONDS = 600
MEND_SECONDS = 5


@dataclass(frozen=True)
class WorkerDeclaration:
    """What a service does behind its API. `duties` run until cancelled, each supervised."""

    handlers: Sequence[Reaction | MessageView] = ()
    processors: Sequence[Processor] = ()
    on_due: Rules = field(default_factory=dict)
    duties: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)


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
        self._feeds = feeds
        named = {processor.name for processor in declaration.processors}
        if unknown := named - {*kernel.declaration.processors}:
            raise ValueError(f"not in the service's declaration: {', '.join(sorted(unknown))}")
        self._name = kernel.declaration.source
        self.inbox = Inbox(
            self._name,
            kernel.commands,
            declaration.handlers,
            kernel.seal,
            feeds.missing,
            clock,
        )

    async def declare(self) -> None:
        """Bind the queues; done for all services before any relay starts in an embedded run."""
        if self.inbox.types:
            await self._broker.declare(self._name, self.inbox.types)

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
            "watcher": partial(keep_measuring, kernel.database, self._name, self._clock),
            **self._declaration.duties,
        }
        if self.inbox.types:
            loops["inbox"] = self._consume
            loops["mender"] = self._mend
        if self._declaration.on_due:
            timers = Timers(kernel.commands, self._declaration.on_due, self._clock)
            loops["timers"] = timers.run
        for processor in self._declaration.processors:
            runner = ProcessorRunner(kernel.database, kernel.store, processor, self._clock)
            loops[processor.name] = lambda runner=runner: runner.run(kernel.wake)  # type: ignore[misc] # bound now
        return loops

    async def _consume(self) -> None:
        undelivered = park_undelivered(self._name, self._kernel.database, self._clock)
        await self._broker.consume(self._name, self.inbox.types, self.inbox.handle, undelivered)

    async def _mend(self) -> None:
        """Hear what no queue has kept for us; try parked streams again that only wait."""
        catching_up = CatchingUp(self._kernel.database, self.inbox, self._feeds, self.declare)
        while True:
            await catching_up.step()
            await replay_due(self._kernel.database, self.inbox, self._clock.now())
            await asyncio.sleep(MEND_SECONDS)

    async def _sweep(self) -> None:
        """Forget the answers that nobody may ask for any more."""
        while True:
            before = self._clock.now() - ANSWERS_KEPT
            async with self._kernel.database.reader() as writer:
                await writer.connection.execute(_FORGET, before)
            await asyncio.sleep(SWEEP_SECONDS)


def run_until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    """A worker process's whole life: work until SIGTERM or SIGINT, then cancel and wait."""
    settle()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(work))


async def _until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("worker_stopped")


_FORGET = "delete from commands where fingerprint is not null and at < $1"
