"""Parked streams tried again: by an operator, and by themselves when only messages were missing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog
from prometheus_client import Counter

from common.database import Database
from common.inbox import NOT_IN_THE_FEED, TRANSIENT, FeedAway, GapFound, Inbox, why
from common.messages import Envelope, MalformedMessage
from common.parking import (
    Letter,
    LetterErased,
    Reason,
    failed_again,
    next_attempt,
    settle,
)

log = structlog.get_logger(__name__)

REPLAYED = Counter("cartulary_replayed_messages_total", "Replays", ["consumer", "outcome"])

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
HEALING = (Reason.GAP, Reason.BEHIND)
"""A first letter with one of these has nothing wrong with it: what it waited for may be there.
So has one whose person was erased: it is passed over."""


@dataclass(frozen=True)
class Replayed:
    """How many letters of a stream were handled; `failed`: the one that failed again and stays."""

    handled: int
    failed: Letter | None = None
    reason: Reason | None = None
    error: str = ""


async def replay(database: Database, inbox: Inbox, source: str, stream: str) -> Replayed:
    """Handle a stream's letters in version order, each in one transaction with its removal.

    Ends at the first that fails again: it stays parked and the rest behind it, as do letters that
    a killed process had not come to. New messages of the stream queue behind until all is done.
    Raises `TRANSIENT` errors; the letter that was tried is then as it was.
    """
    handled = 0
    while letter := await next_attempt(database, inbox.consumer, source, stream):
        failure = await _try(database, inbox, letter)
        REPLAYED.labels(inbox.consumer, failure[0].value if failure else "handled").inc()
        if failure:
            await failed_again(database, letter, *failure)
            log.warning(
                "letter_failed_again",
                consumer=inbox.consumer,
                stream=stream,
                version=letter.version,
                attempts=letter.attempts,
                why=failure[1],
            )
            return Replayed(handled, letter, *failure)
        handled += 1
    return Replayed(handled)


async def replay_due(database: Database, inbox: Inbox, now: datetime) -> int:
    """Replay the streams that may heal by themselves and whose pause is over; return how many."""
    due = [
        row
        for row in await _first_letters(database, inbox.consumer)
        if retry_at(row["parked_at"], row["attempts"]) <= now
    ]
    for row in due:
        try:
            await replay(database, inbox, row["source"], row["stream"])
        except TRANSIENT as error:
            log.warning("replay_waits", consumer=inbox.consumer, why=type(error).__name__)
    return len(due)


def retry_at(parked_at: datetime, attempts: int) -> datetime:
    """When a letter is tried next: after 5 s, 10 s, 20 s … and from then on every ten minutes."""
    doubled = [FIRST_PAUSE * 2**n for n in range(min(attempts, 7))]
    pauses = [min(pause, LONGEST_PAUSE) for pause in doubled]
    return parked_at + sum(pauses, timedelta()) + LONGEST_PAUSE * (attempts - len(pauses))


async def _try(database: Database, inbox: Inbox, letter: Letter) -> tuple[Reason, str] | None:
    """Why it failed again, or None."""
    try:
        await _handle(database, inbox, letter)
    except TRANSIENT:
        raise
    except LetterErased:
        log.info("letter_was_erased", consumer=inbox.consumer, stream=letter.stream)
    except GapFound:
        return Reason.GAP, NOT_IN_THE_FEED
    except FeedAway as error:
        return Reason.GAP, str(error)
    except Unreadable as error:
        return Reason.MALFORMED, str(error)
    except Exception as error:
        log.exception("letter_failed", consumer=inbox.consumer, stream=letter.stream)
        return Reason.POISON, why(error)
    return None


class Unreadable(Exception):
    """Its bytes are still no message."""


async def _handle(database: Database, inbox: Inbox, letter: Letter) -> None:
    assert letter.raw is not None, "what was erased is passed over"
    try:
        envelope = Envelope.from_bytes(letter.raw)
    except MalformedMessage as error:
        raise Unreadable(str(error)) from error
    if (envelope.source, envelope.stream) == (letter.source, letter.stream):
        await inbox.replay(envelope, letter.raw, letter.id)
        return
    # its bytes were no message when it was parked, and are one to the code of today
    await inbox.handle([letter.raw])
    async with database.transaction() as transaction:
        await settle(transaction, [letter.id])


async def _first_letters(database: Database, consumer: str) -> list[asyncpg.Record]:
    async with database.reader() as reader:
        rows: list[asyncpg.Record] = await reader.connection.fetch(
            _FIRST, consumer, [reason.value for reason in HEALING]
        )
    return rows


_FIRST = """
    select source, stream, attempts, parked_at
      from (select distinct on (source, stream) * from parked where consumer = $1
             order by source, stream, version) as first
     where reason = any($2::text[]) or raw is null
     order by parked_at"""
