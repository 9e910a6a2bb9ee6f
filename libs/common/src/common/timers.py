"""Deadlines: set with the events that make them necessary, executed once, on a movable clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
import structlog
from prometheus_client import Counter
from sqlalchemy.dialects.postgresql import JSONB, insert

from common.clock import Clock
from common.command_handling import Commands
from common.database import Transaction
from common.event_store import Cause
from common.read_models import Stamp
from common.statements import Statement, Write

log = structlog.get_logger(__name__)

FIRED = Counter("cartulary_timers_fired_total", "Timers executed", ["kind"])

POLL_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 2.0, 3_600.0
"""Seconds until a timer whose rule failed is tried again: twice as long each time."""
BATCH = 50

timers = sa.table(
    "timers",
    sa.column("id", sa.Uuid),
    sa.column("due", sa.DateTime(timezone=True)),
    sa.column("kind", sa.Text),
    sa.column("stream", sa.Text),
    sa.column("version", sa.Integer),
    sa.column("message", JSONB),
)
_SET = Statement(
    insert(timers)
    .values({c.name: sa.bindparam(c.name, type_=c.type) for c in timers.columns})
    .on_conflict_do_nothing()
)


def set_timer(
    kind: str, due: datetime, stamp: Stamp, message: Mapping[str, Any] | None = None
) -> Write:
    """The write that sets a timer; its id follows from the event, so that it is set once."""
    id = uuid5(UUID(int=0), f"{stamp.stream}/{stamp.version}/{kind}")
    values = {
        "id": id,
        "due": due,
        "kind": kind,
        "stream": stamp.stream,
        "version": stamp.version,
        "message": dict(message or {}),
    }
    return Write(_SET, values, key=id)


@dataclass(frozen=True)
class Due:
    """A timer whose time has come. `version` is its stream's when it was set."""

    id: UUID
    due: datetime
    kind: str
    stream: str
    version: int
    message: Mapping[str, Any]

    def cause(self, now: datetime) -> Cause:
        """The cause of the command that follows: the same id however often it is tried."""
        return Cause(uuid5(self.id, "timer"), now, causation_id=str(self.id))


OnDue = Callable[[Due, Transaction, Commands, datetime], Awaitable[None]]


class Timers:
    """Executes what is due; any number of workers may run it side by side."""

    def __init__(
        self,
        commands: Commands,
        on_due: Mapping[str, OnDue],
        clock: Clock,
        machine: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` says what is due; `machine` in seconds how long a failed one has waited."""
        self._machine = machine
        self._commands = commands
        self._on_due = on_due
        self._clock = clock
        self._failed: dict[UUID, tuple[float, float]] = {}

    async def run(self) -> None:
        """Execute timers until cancelled."""
        while True:
            if not await self.step():
                await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> bool:
        """Execute one due timer, in one transaction with its effects; whether there was one.

        One that fails raises, and makes way for the others for a while that grows.
        """
        now = self._clock.now()
        async with self._commands.database.transaction() as transaction:
            row = await transaction.connection.fetchrow(
                _CLAIM, now, list(self._on_due), self._waiting()
            )
            if row is None:
                return False
            due = Due(**row)
            try:
                await self._on_due[due.kind](due, transaction, self._commands, now)
            except Exception:
                self._put_off(due.id)
                raise
            await transaction.connection.execute(_DONE, due.id, now)
        self._failed.pop(due.id, None)
        FIRED.labels(due.kind).inc()
        return True

    def _put_off(self, id: UUID) -> None:
        """Known to this worker alone, and forgotten at its end."""
        _, waited = self._failed.get(id, (0.0, FIRST_WAIT / 2))
        wait = min(2 * waited, LONGEST_WAIT)
        self._failed[id] = (self._machine() + wait, wait)

    def _waiting(self) -> list[UUID]:
        """Those that have failed and whose turn it is not; another worker may do them meanwhile."""
        now = self._machine()
        self._failed = {
            id: (until, wait)
            for id, (until, wait) in self._failed.items()
            if now < until + LONGEST_WAIT
        }
        return [id for id, (until, _) in self._failed.items() if now < until]


_CLAIM = """
    select id, due, kind, stream, version, message from timers
     where done_at is null and due <= $1 and kind = any($2::text[]) and id <> all($3::uuid[])
     order by due limit 1 for update skip locked"""
_DONE = "update timers set done_at = $2 where id = $1"
