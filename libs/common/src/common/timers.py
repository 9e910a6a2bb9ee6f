"""Deadlines: set with the events that make them necessary, executed once, on a movable clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from common.database import OUTCOME_UNKNOWN, Transaction
from common.event_store import Cause
from common.read_models import Stamp
from common.statements import Statement, Write

log = structlog.get_logger(__name__)

FIRED = Counter("cartulary_timers_fired_total", "Timers executed", ["kind"])

POLL_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 2.0, 3_600.0
"""Seconds until a timer whose rule failed is tried again: twice as long each time."""

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


@dataclass(frozen=True)
class Together:
    """A rule that meets up to `most` deadlines of its kind in one transaction."""

    act: Callable[[Sequence[Due], Transaction, Commands, datetime], Awaitable[None]]
    most: int


Rules = Mapping[str, OnDue | Together]
"""What is done at which kind of deadline."""


class Timers:
    """Executes what is due; any number of workers may run it side by side."""

    def __init__(
        self,
        commands: Commands,
        on_due: Rules,
        clock: Clock,
        machine: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` says what is due; `machine` in seconds how long a failed one has waited."""
        self._commands = commands
        self._on_due = on_due
        self._clock = clock
        self._machine = machine
        self._alone = 0
        self._failed: dict[UUID, tuple[float, float]] = {}

    async def run(self) -> None:
        """Execute timers until cancelled."""
        while True:
            if not await self.step():
                await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> int:
        """Execute one due timer, or some together, in one transaction with their effects; how
        many there were. Where one of several fails, each of them is executed by itself; one that
        fails by itself raises, and makes way for the others for a while that grows."""
        claimed: list[Due] = []
        try:
            await self._execute(claimed)
        except OUTCOME_UNKNOWN:
            raise
        except Exception as error:
            if len(claimed) < 2:
                self._put_off(claimed)
                raise
            log.warning("timers_one_by_one", kind=claimed[0].kind, why=repr(error))
            self._alone = len(claimed)
            return await self.step()
        for due in claimed:
            self._failed.pop(due.id, None)
        if claimed:
            FIRED.labels(claimed[0].kind).inc(len(claimed))
        return len(claimed)

    async def _execute(self, claimed: list[Due]) -> None:
        """Fill `claimed` and meet what is in it."""
        now, commands, waiting = self._clock.now(), self._commands, self._waiting()
        async with commands.database.transaction() as transaction:
            first = await transaction.connection.fetchrow(_CLAIM, now, waiting, list(self._on_due))
            if first is None:
                return
            claimed.append(Due(**first))
            rule = self._on_due[claimed[0].kind]
            if not isinstance(rule, Together):
                await rule(claimed[0], transaction, commands, now)
                return
            if self._alone:
                self._alone -= 1
            else:
                more = [claimed[0].kind, rule.most - 1]
                rows = await transaction.connection.fetch(_CLAIM_MORE, now, waiting, *more)
                claimed += [Due(**row) for row in rows]
            await rule.act(claimed, transaction, commands, now)

    def _put_off(self, failed: Sequence[Due]) -> None:
        """Known to this worker alone, and forgotten at its end."""
        for due in failed:
            _, waited = self._failed.get(due.id, (0.0, FIRST_WAIT / 2))
            wait = min(2 * waited, LONGEST_WAIT)
            self._failed[due.id] = (self._machine() + wait, wait)

    def _waiting(self) -> list[UUID]:
        """Those that have failed and whose turn it is not; another worker may do them meanwhile."""
        now = self._machine()
        self._failed = {
            id: (until, wait)
            for id, (until, wait) in self._failed.items()
            if now < until + LONGEST_WAIT
        }
        return [id for id, (until, _) in self._failed.items() if now < until]


# done before its effects, in their transaction: who fails, or is killed, has done neither
_CLAIM = """
    update timers set done_at = $1
     where id = (
           select id from timers
            where done_at is null and due <= $1 and id <> all($2::uuid[]) and kind = any($3::text[])
            order by due limit 1 for update skip locked)
    returning id, due, kind, stream, version, message"""
_CLAIM_MORE = """
    with claimed as (
        update timers set done_at = $1
         where id = any(array(
               select id from timers
                where done_at is null and due <= $1 and id <> all($2::uuid[]) and kind = $3
                order by due limit $4 for update skip locked))
        returning id, due, kind, stream, version, message)
    select * from claimed order by due"""
