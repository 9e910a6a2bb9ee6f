"""Following the log of one service: nothing skipped, nothing reordered, writers never wait.

Readers stop at the floor horizon (`kernel_schema/0001_kernel.sql`, `events_after`, says why that is
safe). One process at a time leads each follower; its cursor carries an epoch, so that a leader that
was paused while another took over can no longer move it.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from common.database import OUTCOME_UNKNOWN, Database, Transaction
from common.event_store import EventStore, Recorded

log = structlog.get_logger(__name__)

PAGE = 500
KEEP_ALIVE_SECONDS = 2.0
BUSY_POLL_SECONDS = 0.005
IDLE_POLL_SECONDS = 0.250


class LeadershipLost(Exception):
    """Another process leads this follower now."""


class Wake:
    """Tells followers in this process that something was committed; others find out by polling."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def notify(self) -> None:
        """Something was committed."""
        for event in self._events:
            event.set()

    def subscribe(self) -> asyncio.Event:
        """An event that is set at each commit; the subscriber clears it."""
        event = asyncio.Event()
        self._events.add(event)
        return event


@dataclass(frozen=True)
class Lease:
    """The right to move one cursor, until somebody raises the epoch."""

    name: str
    epoch: int
    position: int


Step = Callable[[Lease], Awaitable[Lease | None]]
"""One round of work: the lease with its new position, or None when there was nothing to do."""


def processor_cursor(processor: str) -> str:
    """The name of a processor's cursor."""
    return f"processor {processor}"


async def begin_followers(database: Database, names: Iterable[str]) -> None:
    """Those that are not known yet begin where the log ends now; the others stay where they are."""
    async with database.reader() as writer:
        await writer.connection.execute(_BEGIN, list(names))


async def lead(database: Database, name: str, *, from_now: bool, wake: Wake, step: Step) -> None:
    """Run `step` again and again while this process leads, wait while another does.

    Raises `LeadershipLost` and the database's errors: a supervisor starts it again.
    """
    async with database.session(f"cartulary {name}") as session:
        # waiting inside PostgreSQL would hold a snapshot, and vacuum with it
        while not await session.fetchval(_LEAD, name):  # noqa: ASYNC110 (the lock is not ours)
            await asyncio.sleep(1)
        row = await session.fetchrow(_TAKE_OVER, name, _owner(), from_now)
        lease = Lease(name, row["epoch"], row["position"])
        log.info("follower_leads", follower=name, epoch=lease.epoch, position=lease.position)
        work = asyncio.ensure_future(_work(lease, wake.subscribe(), step))
        alive = asyncio.ensure_future(_keep_alive(session, name))
        try:
            await asyncio.wait({work, alive}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, alive):
                if task.done():
                    task.result()
        finally:
            work.cancel()
            alive.cancel()
            await asyncio.gather(work, alive, return_exceptions=True)


async def move_cursor(transaction: Transaction, lease: Lease, position: int) -> Lease:
    """Move the cursor inside the transaction of the effects. Raises `LeadershipLost`."""
    moved = await transaction.connection.fetchval(_MOVE, lease.name, position, lease.epoch)
    if moved is None:
        raise LeadershipLost(lease.name)
    return Lease(lease.name, lease.epoch, position)


@dataclass(frozen=True)
class LogPage:
    """What follows a position, up to the horizon."""

    horizon: int
    events: Sequence[Recorded]
    end: int
    """Where the cursor may stand after this page: holes up to the horizon cost nothing."""


async def read_page(
    transaction: Transaction,
    store: EventStore,
    after: int,
    types: Collection[str] | None = None,
) -> LogPage:
    """One page of the log in one round trip, without the events of other `types` than these; needs
    READ COMMITTED, which is the default."""
    rows = await transaction.connection.fetch("select * from events_after($1, $2)", after, PAGE)
    horizon = end = rows[0]["horizon"]
    found = [row for row in rows if row["log_position"] is not None]
    if len(found) == PAGE:
        end = found[-1]["log_position"]
    if types is not None:
        found = [row for row in found if row["type"] in types]
    return LogPage(horizon, await store.recorded(transaction, found), end)


Effects = Callable[[Transaction, Sequence[Recorded]], Awaitable[None]]


class Follower:
    """Applies effects in this service's own database, together with the cursor: exactly once."""

    def __init__(
        self, database: Database, store: EventStore, name: str, effects: Effects, *, from_now: bool
    ) -> None:
        self._database = database
        self._store = store
        self._name = name
        self._effects = effects
        self._from_now = from_now

    async def run(self, wake: Wake) -> None:
        """Follow until cancelled."""
        await lead(self._database, self._name, from_now=self._from_now, wake=wake, step=self._step)

    async def _step(self, lease: Lease) -> Lease | None:
        async with self._database.transaction() as transaction:
            page = await read_page(transaction, self._store, lease.position)
            if page.end == lease.position:
                return None
            await self._effects(transaction, page.events)
            return await move_cursor(transaction, lease, page.end)


async def _work(lease: Lease, woken: asyncio.Event, step: Step) -> None:
    pause = BUSY_POLL_SECONDS
    while True:
        woken.clear()
        moved = await step(lease)
        if moved is not None:
            lease, pause = moved, BUSY_POLL_SECONDS
            continue
        try:
            async with asyncio.timeout(pause):
                await woken.wait()
            pause = BUSY_POLL_SECONDS
        except TimeoutError:
            pause = min(pause * 2, IDLE_POLL_SECONDS)


async def _keep_alive(session: asyncpg.Connection, name: str) -> None:
    """End the work as soon as the session that holds the lock does not answer any more."""
    while True:
        await asyncio.sleep(KEEP_ALIVE_SECONDS)
        try:
            await session.execute(
                "update cursors set beat = clock_timestamp() where name = $1",
                name,
                timeout=KEEP_ALIVE_SECONDS,
            )
        except (*OUTCOME_UNKNOWN, asyncpg.PostgresError) as error:
            raise LeadershipLost(name) from error


def _owner() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


_LEAD = "select pg_try_advisory_lock(hashtext('leader'), hashtext($1))"
_BEGIN = """
    insert into cursors (name, position)
    select name, (select horizon from events_after(0, 0) limit 1) from unnest($1::text[]) as name
        on conflict do nothing"""
_TAKE_OVER = """
    insert into cursors (name, position, epoch, owner, beat)
    values ($1, case when $3 then (select horizon from events_after(0, 0) limit 1) else 0 end,
            1, $2, clock_timestamp())
        on conflict (name) do update
           set epoch = cursors.epoch + 1, owner = excluded.owner, beat = excluded.beat
    returning epoch, position"""
_MOVE = "update cursors set position = $2 where name = $1 and epoch = $3 returning position"
