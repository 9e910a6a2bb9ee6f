"""Messages that could not be handled, raw, per stream and in order, until somebody decides.

While a stream is parked its later messages queue here behind the first; all other streams go on.
`replaying` hands them to the same code in version order; dropping says so in the inbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import asyncpg
from prometheus_client import Counter

from common.database import Database, Transaction
from common.inbox_rows import lock_rows, mark_parked, move_rows
from common.messages import Envelope

PARKED = Counter("cartulary_parked_messages_total", "Messages parked", ["consumer", "reason"])


class Reason(StrEnum):
    """Why a message is parked."""

    POISON = "poison"
    GAP = "gap"
    BEHIND = "behind"
    MALFORMED = "malformed"
    UNDELIVERED = "undelivered"
    """The broker gave up: whoever took the message ended before it was acknowledged, too often."""


@dataclass(frozen=True)
class Parked:
    """One message to park. `raw` is what arrived."""

    consumer: str
    source: str
    stream: str
    version: int
    type: str
    reason: Reason
    error: str
    raw: bytes
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


@dataclass(frozen=True)
class Letter:
    """One parked message. `attempts` counts how often it was tried, the first time included;
    `raw` is what arrived, None once its person was erased."""

    id: int
    consumer: str
    source: str
    stream: str
    version: int
    type: str
    reason: Reason
    error: str
    attempts: int
    parked_at: datetime
    raw: bytes | None

    @staticmethod
    def of(row: asyncpg.Record) -> "Letter":
        """The letter of a whole row."""
        return Letter(**{**row, "reason": Reason(row["reason"])})


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
    await mark_parked(transaction, parked.consumer, (parked.source, parked.stream), True)
    PARKED.labels(parked.consumer, parked.reason.value).inc()


async def list_parked(database: Database) -> Sequence[asyncpg.Record]:
    """Every parked message without its content, each stream in version order."""
    async with database.reader() as reader:
        rows: Sequence[asyncpg.Record] = await reader.connection.fetch(_LIST)
    return rows


async def letters_of(database: Database, consumer: str, stream: str) -> list[Letter]:
    """A stream's letters with their content, in version order; from each source that has one."""
    async with database.reader() as reader:
        rows = await reader.connection.fetch(_LETTERS, consumer, stream)
    return [Letter.of(row) for row in rows]


async def next_attempt(
    database: Database, consumer: str, source: str, stream: str
) -> Letter | None:
    """The first letter of a parked stream, its attempt already counted: it may end this process.

    What was erased is passed over. None when nothing is left: the stream is then parked no more.
    """
    key = (source, stream)
    async with database.transaction() as transaction:
        await lock_rows(transaction, consumer, [key])
        await _pass(transaction, consumer, key, await _fetch(transaction, _ERASED, consumer, key))
        found = await _fetch(transaction, _ATTEMPT, consumer, key)
        if not found:
            await mark_parked(transaction, consumer, key, False)
    return found[0] if found else None


async def failed_again(database: Database, letter: Letter, reason: Reason, error: str) -> None:
    """Write down why a letter stays."""
    async with database.reader() as writer:
        await writer.connection.execute(_FAILED, letter.id, reason.value, error)


class LetterErased(Exception):
    """Its person was erased while it was handled: nothing of that may stay."""


async def settle(transaction: Transaction, letters: Sequence[int]) -> None:
    """Take away letters whose effects this transaction commits. Raises `LetterErased`."""
    for id in letters:
        if await transaction.connection.fetchval(_SETTLE, id):
            raise LetterErased


async def drop(
    database: Database, consumer: str, source: str, stream: str, *, only_first: bool = False
) -> list[Letter]:
    """Give up a stream's parked messages, or its first; return what was dropped.

    The inbox row moves past them. What stays behind a dropped first one is still parked: replay it.
    """
    key = (source, stream)
    async with database.transaction() as transaction:
        await lock_rows(transaction, consumer, [key])
        dropped = await _fetch(transaction, _DROP, consumer, key, 1 if only_first else None)
        await _pass(transaction, consumer, key, dropped)
        if not await _fetch(transaction, _LETTERS_OF_KEY, consumer, key):
            await mark_parked(transaction, consumer, key, False)
    return dropped


async def _pass(
    transaction: Transaction, consumer: str, key: tuple[str, str], letters: Sequence[Letter]
) -> None:
    if letters:
        last = max(letter.version for letter in letters)
        await move_rows(transaction, consumer, {key: (last, True)})


async def _fetch(
    transaction: Transaction, query: str, consumer: str, key: tuple[str, str], *more: object
) -> list[Letter]:
    rows = await transaction.connection.fetch(query, consumer, *key, *more)
    return sorted((Letter.of(row) for row in rows), key=lambda letter: letter.version)


_COLUMNS = "id, consumer, source, stream, version, type, reason, error, attempts, parked_at, raw"
_PARK = """
    insert into parked
           (consumer, source, stream, version, type, reason, error, raw, data_subject, parked_at)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
     where not exists (select from parked where consumer = $1 and source = $2
                                            and stream = $3 and version = $4)"""
_LIST = """
    select id, consumer, source, stream, version, type, reason, error, attempts, parked_at
      from parked order by consumer, source, stream, version"""
_LETTERS = f"""
    select {_COLUMNS} from parked where consumer = $1 and stream = $2 order by source, version"""
_LETTERS_OF_KEY = f"""
    select {_COLUMNS} from parked where consumer = $1 and source = $2 and stream = $3 limit 1"""
_ERASED = f"""
    delete from parked where consumer = $1 and source = $2 and stream = $3 and raw is null
       and version <= all (select version from parked where consumer = $1 and source = $2
                                                        and stream = $3 and raw is not null)
    returning {_COLUMNS}"""
_ATTEMPT = f"""
    update parked set attempts = attempts + 1
     where id = (select id from parked where consumer = $1 and source = $2 and stream = $3
                  order by version limit 1)
    returning {_COLUMNS}"""
_FAILED = "update parked set reason = $2, error = $3 where id = $1"
_SETTLE = "delete from parked where id = $1 returning raw is null"
_DROP = f"""
    delete from parked
     where id in (select id from parked where consumer = $1 and source = $2 and stream = $3
                   order by version limit $4)
    returning {_COLUMNS}"""
