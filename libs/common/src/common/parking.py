"""Messages that could not be handled, raw, per stream and in order, until somebody decides.

While a stream is parked its later messages queue here behind the first; all other streams go on.
Replaying hands them to the same code in version order; dropping says so in the inbox.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from common.database import Database, Transaction
from common.messages import Envelope

PARKED = Counter("cartulary_parked_messages_total", "Messages parked", ["consumer", "reason"])


class Reason(StrEnum):
    """Why a message is parked."""

    POISON = "poison"
    GAP = "gap"
    BEHIND = "behind"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Parked:
    """One parked message. `raw` is what arrived, or None once its person was erased."""

    consumer: str
    source: str
    stream: str
    version: int
    type: str
    reason: Reason
    error: str
    raw: bytes | None
    data_subject: UUID | None
    at: datetime

    @staticmethod
    def message(
        consumer: str, envelope: Envelope, raw: bytes, reason: Reason, error: str, now: datetime
    ) -> "Parked":
        """A message that can be read and not be handled."""
        return Parked(
            consumer,
            envelope.source,
            envelope.stream,
            envelope.version,
            envelope.type,
            reason,
            error,
            raw,
            envelope.data_subject,
            now,
        )

    @staticmethod
    def malformed(consumer: str, raw: bytes, error: str, now: datetime) -> "Parked":
        """Bytes that are no envelope: the same bytes are parked once, as a stream of their own."""
        stream = f"malformed-{sha256(raw).hexdigest()[:32]}"
        return Parked(consumer, "unknown", stream, 1, "", Reason.MALFORMED, error, raw, None, now)


async def park(transaction: Transaction, parked: Parked) -> None:
    """Keep the message and park its stream; the same message is kept once."""
    await transaction.connection.execute(
        _PARK,
        parked.consumer,
        parked.source,
        parked.stream,
        parked.version,
        parked.type,
        parked.reason.value,
        parked.error,
        parked.raw,
        parked.data_subject,
        parked.at,
    )
    await transaction.connection.execute(_MARK, parked.consumer, parked.source, parked.stream, True)
    PARKED.labels(parked.consumer, parked.reason.value).inc()


async def list_parked(database: Database) -> Sequence[asyncpg.Record]:
    """Every parked message without its content, oldest first."""
    async with database.reader() as reader:
        rows: Sequence[asyncpg.Record] = await reader.connection.fetch(_LIST)
    return rows


Handler = Callable[[Sequence[bytes]], Awaitable[None]]


async def replay(
    database: Database, handle: Handler, consumer: str, source: str, stream: str
) -> int:
    """Unpark a stream and handle its messages again in order; return how many were handed over.

    What fails again is parked again by the same code, and what stood behind it stays behind it.
    """
    async with database.transaction() as transaction:
        rows = await transaction.connection.fetch(_TAKE, consumer, source, stream)
        await transaction.connection.execute(_MARK, consumer, source, stream, False)
    raws = [row["raw"] for row in sorted(rows, key=_version) if row["raw"] is not None]
    for raw in raws:
        await handle([raw])
    return len(raws)


async def drop(database: Database, consumer: str, source: str, stream: str) -> int:
    """Give a stream's parked messages up, move its inbox row past them; return how many."""
    async with database.transaction() as transaction:
        rows = await transaction.connection.fetch(_TAKE, consumer, source, stream)
        last = max((row["version"] for row in rows), default=0)
        await transaction.connection.execute(_MARK, consumer, source, stream, False)
        await transaction.connection.execute(_PASS, consumer, source, stream, last)
    return len(rows)


def _version(row: asyncpg.Record) -> int:
    version: int = row["version"]
    return version


_PARK = """
    insert into parked
           (consumer, source, stream, version, type, reason, error, raw, data_subject, parked_at)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
     where not exists (select from parked where consumer = $1 and source = $2
                                            and stream = $3 and version = $4)"""
_MARK = """
    insert into inbox (consumer, source, stream, last_version, parked) values ($1, $2, $3, 0, $4)
        on conflict (consumer, source, stream) do update set parked = excluded.parked"""
_LIST = """
    select id, consumer, source, stream, version, type, reason, error, attempts, parked_at
      from parked order by consumer, source, stream, version"""
_TAKE = """
    delete from parked where consumer = $1 and source = $2 and stream = $3
    returning version, raw"""
_PASS = """
    update inbox set last_version = greatest(last_version, $4)
     where consumer = $1 and source = $2 and stream = $3"""
