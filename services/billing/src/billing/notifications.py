"""What providers tell us: stored by their id at once, worked on later, once for each thing.

A notification's contents are never kept: they may be personal, they are old when they are read, and
nobody believes them. What is kept says which thing to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import structlog
from common.database import Database, Transaction
from prometheus_client import Counter, Gauge

from billing.payment_provider import Notified

log = structlog.get_logger(__name__)

RECEIVED = Counter("cartulary_notifications_total", "Notifications of providers", ["result"])
NEW, REPEATED = RECEIVED.labels("new"), RECEIVED.labels("repeated")
WAITING = Gauge("cartulary_notifications_waiting", "Notifications not worked on yet")
STUCK = Gauge("cartulary_notifications_stuck", "Notifications tried in vain for five minutes")

NAMESPACE = UUID("6c3a1f44-0f0b-5a61-9d5e-2b8e0d9f7a10")
CONCERNS_NOBODY = "other"
LEASE = timedelta(seconds=90)
"""Longer than a look at the provider with all its retries; after it somebody else takes over."""
PAUSES = tuple(timedelta(seconds=s) for s in (1, 5, 30, 120, 600, 3600))
KEPT = timedelta(days=35)
"""Longer than a provider tells the same again."""
STUCK_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Work:
    """A thing to look at, and the notifications about it that are settled by doing so."""

    notified: Notified
    event_ids: Sequence[str]
    attempts: int
    lease: datetime

    def command_id(self, provider: str) -> UUID:
        """The same however often it is tried."""
        return uuid5(NAMESPACE, f"{provider}/{self.notified.event_id}")


class Notifications:
    """The table of one provider's notifications. All times are the machine's."""

    def __init__(self, database: Database, provider: str) -> None:
        self._database = database
        self._provider = provider

    async def store(self, notified: Notified, now: datetime) -> bool:
        """Note it, unless it is known; whether it was new. One that concerns nobody is done."""
        done = now if notified.kind == CONCERNS_NOBODY else None
        async with self._database.reader() as writer:
            new = await writer.connection.fetchval(
                _STORE,
                self._provider,
                notified.event_id,
                notified.type,
                notified.kind,
                notified.reference,
                notified.created_at,
                now,
                done,
            )
        (NEW if new else REPEATED).inc()
        return bool(new)

    async def claim(self, now: datetime) -> Work | None:
        """Take over all notifications about the thing that waits longest and that nobody else is
        looking at."""
        lease = now + LEASE
        async with self._database.transaction() as transaction:
            # one chooser at a time, so that no two look at the same thing: the older look could
            # otherwise be told last
            await transaction.connection.execute(_ONE_CHOOSER)
            rows = await transaction.connection.fetch(_CLAIM, self._provider, now, lease)
        if not rows:
            return None
        first = min(rows, key=lambda row: (row["created_at"], row["event_id"]))
        notified = Notified(
            first["event_id"], first["type"], first["kind"], first["reference"], first["created_at"]
        )
        return Work(
            notified, [r["event_id"] for r in rows], max(r["attempts"] for r in rows), lease
        )

    async def still_ours(self, transaction: Transaction, work: Work) -> bool:
        """Lock what was claimed; whether nobody has taken it over meanwhile."""
        rows = await transaction.connection.fetch(
            _LOCK, self._provider, list(work.event_ids), work.lease
        )
        return len(rows) == len(work.event_ids)

    async def finish(
        self, transaction: Transaction, work: Work, now: datetime, result: str
    ) -> None:
        """Note that it is done, together with its effect."""
        await transaction.connection.execute(
            _FINISH, self._provider, list(work.event_ids), now, result
        )

    async def put_back(self, work: Work, now: datetime, why: str) -> None:
        """Let it come again, later at each time."""
        pause = PAUSES[min(work.attempts, len(PAUSES)) - 1]
        async with self._database.reader() as writer:
            await writer.connection.execute(
                _PUT_BACK, self._provider, list(work.event_ids), work.lease, now + pause, why
            )

    async def sweep(self, now: datetime) -> int:
        """Measure what waits, tell of what is stuck, forget what is old; how many are stuck.

        What somebody died over needs no more: it is taken over when its lease has ended.
        """
        async with self._database.reader() as writer:
            row = await writer.connection.fetchrow(_COUNT, self._provider, now - STUCK_AFTER)
            await writer.connection.execute(_FORGET, self._provider, now - KEPT)
        WAITING.set(row["waiting"])
        STUCK.set(row["stuck"])
        if row["stuck"]:
            log.warning("notifications_stuck", provider=self._provider, number=row["stuck"])
        return int(row["stuck"])


_ONE_CHOOSER = "select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('notifications'))"
_STORE = """
    insert into provider_notifications
        (provider, event_id, type, kind, reference, created_at, received_at, due_at, done_at)
    values ($1, $2, $3, $4, $5, $6, $7, $7, $8)
        on conflict do nothing returning true"""
_CLAIM = """
    with chosen as (
        select reference from provider_notifications waiting
         where provider = $1 and done_at is null and due_at <= $2
           and (leased_until is null or leased_until <= $2)
           and not exists (
               select from provider_notifications busy
                where busy.provider = $1 and busy.reference = waiting.reference
                  and busy.done_at is null and busy.leased_until > $2)
         order by due_at limit 1 for update skip locked)
    update provider_notifications known
       set attempts = attempts + 1, leased_until = $3
      from chosen
     where known.provider = $1 and known.reference = chosen.reference and known.done_at is null
    returning known.event_id, known.type, known.kind, known.reference, known.created_at,
              known.attempts"""
_LOCK = """
    select event_id from provider_notifications
     where provider = $1 and event_id = any($2::text[]) and leased_until = $3 and done_at is null
       for update"""
_FINISH = """
    update provider_notifications set done_at = $3, leased_until = null, result = $4
     where provider = $1 and event_id = any($2::text[])"""
_PUT_BACK = """
    update provider_notifications set leased_until = null, due_at = $4, result = $5
     where provider = $1 and event_id = any($2::text[]) and leased_until = $3
       and done_at is null"""
_COUNT = """
    select count(*) as waiting,
           count(*) filter (where received_at < $2 and attempts > 0) as stuck
      from provider_notifications where provider = $1 and done_at is null"""
_FORGET = """
    delete from provider_notifications where (provider, event_id) in (
        select provider, event_id from provider_notifications
         where provider = $1 and done_at < $2 limit 1000)"""
