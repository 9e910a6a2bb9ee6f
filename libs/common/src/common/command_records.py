"""What became of a command: done, never tried, lost on its way, or overtaken by another.

Its row is written with the events, so it says what became of a command whose answer never arrived.
"""

from dataclasses import replace
from uuid import uuid5

import asyncpg

from common.database import Transaction
from common.event_store import Cause, Stream, VersionConflict
from common.problems import Conflict, Invalid, PreconditionFailed


class IdempotencyKeyReused(Invalid):
    """The same key came with another request."""

    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another request. Use a new one."


class IdempotencyKeyInUse(Conflict):
    """The first request with this key has not ended yet."""

    code = "idempotency_key_in_use"
    detail = "The first request with this Idempotency-Key is still running. Repeat it shortly."


ABANDONED = ""
"""The stream of an id under which a command got lost on its way: nothing can happen under it any
more, and the caller's next try takes another id, derived from it."""


async def last_try(connection: Transaction, cause: Cause) -> tuple[Cause, asyncpg.Record | None]:
    """The cause under its newest id that was not abandoned, and its row if it was carried out."""
    while True:
        row = await connection.connection.fetchrow(_ROW, cause.command_id)
        if row is None or row["stream"] != ABANDONED:
            return cause, row
        cause = replace(cause, command_id=uuid5(cause.command_id, "again"))


async def settle(connection: Transaction, cause: Cause) -> tuple[Cause, asyncpg.Record | None]:
    """The same, when a statement may be under way: without a row it will have no effect any more.

    Waits for a statement that has begun; one that has not finds its id taken, and fails.
    """
    cause, row = await last_try(connection, cause)
    if row is None:
        await connection.connection.execute(_ABANDON, cause.command_id, cause.now)
        row = await connection.connection.fetchrow(_ROW, cause.command_id)
    return cause, row if row["stream"] != ABANDONED else None


async def remember_without_events(
    connection: Transaction, stream: Stream, cause: Cause, answer: bytes | None
) -> None:
    """Keep the answer to a command that changed nothing; those with events are kept with them."""
    await connection.connection.execute(
        _REMEMBER,
        cause.command_id,
        cause.actor,
        stream.name,
        stream.version,
        cause.fingerprint,
        answer,
        cause.now,
    )


LOST_RACES = (VersionConflict, asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
"""What happens to who comes second, or has to give way to another who waits for its rows."""

NEW = -1
"""What a caller expects of a stream whose id was made just now: nothing, so nothing is loaded. The
append finds out if that is wrong, and then it is loaded after all."""


def decide_again(race: Exception, expected: int | None, last_try: bool) -> int | None:
    """What to expect when it shall be decided once more; raise what the caller hears otherwise.

    Who begins a stream as the second one may meet the key of a read model's row, or of the person's
    key, before the stream's version.
    """
    if not last_try:
        return None if expected == NEW else expected
    match race:
        case asyncpg.DeadlockDetectedError():
            raise Conflict from None
        case VersionConflict():
            raise (Conflict if expected is None else PreconditionFailed) from None
        case _:
            raise race


_ROW = "select stream, last_version, fingerprint, answer from commands where id = $1"
_ABANDON = f"""
    insert into commands (id, stream, first_version, last_version, at)
    values ($1, '{ABANDONED}', 0, 0, $2) on conflict do nothing"""
_REMEMBER = """
    insert into commands (id, actor, stream, first_version, last_version, fingerprint, answer, at)
    values ($1, $2, $3, $4 + 1, $4, $5, $6, $7)"""
