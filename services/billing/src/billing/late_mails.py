"""Mails that are due before their reader's address is known: they wait for it, for a while.

Auth's message that somebody registered may come after what they bought. A mail is a row here until
it went out, once, or was no longer worth reading; then the row says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from common.database import Database, Transaction
from common.event_store import EventStore, Recorded

LEASE = timedelta(minutes=2)
"""How long who sends one has for it; after it somebody else takes over, under the same key."""

Outcome = Literal["sent", "refused", "not_sent", "erased"]
"""`not_sent`: no address came in time."""


class AddressUnknown(Exception):
    """Nobody has told yet where this person can be reached."""


@dataclass(frozen=True, slots=True)
class LateMail:
    """A mail to send now, or, with `is_late`, never. It follows from a stream's event."""

    key: UUID
    account_id: UUID
    stream: str
    version: int
    is_late: bool


async def wait(database: Database, record: Recorded, key: UUID, until: datetime) -> None:
    """Let the mail of this event wait; again, it changes nothing."""
    account_id = record.event.account_id
    async with database.reader() as writer:
        await writer.connection.execute(
            _WAIT, key, account_id, record.stream, record.version, until
        )


async def claim(database: Database, now: datetime) -> LateMail | None:
    """A mail that can be sent or has waited in vain, for a while ours alone; `now` is billing's."""
    async with database.reader() as writer:
        row = await writer.connection.fetchrow(_CLAIM, now, LEASE)
    return LateMail(**row) if row else None


async def event_of(database: Database, store: EventStore, mail: LateMail) -> Any:
    """What it follows from."""
    async with database.reader() as reader:
        stream = await store.load(reader, mail.stream, after=mail.version - 1)
    return stream.events[0]


async def end(database: Database, mail: LateMail, outcome: Outcome, now: datetime) -> None:
    """It waits no more."""
    async with database.reader() as writer:
        await writer.connection.execute(_END, mail.key, now, outcome)


async def forget(transaction: Transaction, account_id: UUID, now: datetime) -> None:
    """Whoever is erased gets none of those that wait for them."""
    await transaction.connection.execute(_FORGET, account_id, now)


_WAIT = """
    insert into waiting_mails (key, account_id, stream, version, worth_until)
    values ($1, $2, $3, $4, $5) on conflict do nothing"""
_CLAIM = """
    update waiting_mails mail set leased_until = clock_timestamp() + $2::interval
     where key = (
           select key from waiting_mails waiting left join customers using (account_id)
            where ended_at is null
              and (leased_until is null or leased_until < clock_timestamp())
              and (worth_until <= $1 or contact ->> 'email' is not null)
            order by worth_until limit 1 for update of waiting skip locked)
    returning key, account_id, stream, version, worth_until <= $1 as is_late"""
_END = """
    update waiting_mails set ended_at = $2, outcome = $3, leased_until = null
     where key = $1 and ended_at is null"""
_FORGET = """
    update waiting_mails set ended_at = $2, outcome = 'erased'
     where account_id = $1 and ended_at is null"""
