"""A request of several steps: its key is taken first, its answer is kept last.

In between everything has ids that follow from the request's own, so that who repeats it after a
crash goes on where it stopped. Another request under the same key is refused from the first on.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID, uuid5

import orjson
from common.command_handling import Answer, Commands
from common.command_records import IdempotencyKeyReused
from common.event_store import Cause
from starlette.responses import JSONResponse, Response

ANSWER = "answer"


async def once(
    commands: Commands, cause: Cause, stream: str, work: Callable[[], Awaitable[Answer]]
) -> Response:
    """Answer as the same request was answered before; else do the work, and keep its answer.

    What `work` raises is not kept: a repeat works again. Raises `IdempotencyKeyReused`.
    """
    answer = await _begin(commands, cause, stream)
    if answer is None:
        answer = await _finish(commands, cause, stream, await work())
    return JSONResponse(answer.body, answer.status, dict(answer.headers))


def id_of(cause: Cause, part: str) -> UUID:
    """The id of what a request makes: the same when it is repeated."""
    return uuid5(cause.command_id, part)


async def _begin(commands: Commands, cause: Cause, stream: str) -> Answer | None:
    """Take the request's key; the answer, if the same request was answered before."""
    if cause.fingerprint is None:
        return None
    async with commands.database.reader() as connection:
        await connection.connection.execute(_TAKE, *_row(cause, stream), None)
        taken = await connection.connection.fetchrow(_READ, cause.command_id)
        if taken["fingerprint"] != cause.fingerprint:
            raise IdempotencyKeyReused
        last = _last(cause)
        kept = await connection.connection.fetchrow(_READ, last.command_id)
    if kept is None or kept["answer"] is None:
        return None
    plain = commands.store.keys.open_bytes(kept["answer"], _seal_of(last))
    status, body, headers = orjson.loads(plain)
    return Answer(status, body, {**headers, "Idempotent-Replayed": "true"})


async def _finish(commands: Commands, cause: Cause, stream: str, answer: Answer) -> Answer:
    """Keep the answer for who repeats the request; theirs, if they were faster."""
    if cause.fingerprint is None:
        return answer
    last = _last(cause)
    plain = orjson.dumps([answer.status, answer.body, dict(answer.headers)])
    sealed = commands.store.keys.seal_bytes(plain, _seal_of(last))
    async with commands.database.reader() as connection:
        kept = await connection.connection.execute(_TAKE, *_row(last, stream), sealed)
    if kept == "INSERT 0 0":
        return await _begin(commands, cause, stream) or answer
    return answer


def _last(cause: Cause) -> Cause:
    return replace(cause, command_id=uuid5(cause.command_id, ANSWER))


def _seal_of(cause: Cause) -> str:
    return f"answer/{cause.command_id}"


def _row(cause: Cause, stream: str) -> tuple[object, ...]:
    return cause.command_id, cause.actor, stream, cause.fingerprint, cause.now


_TAKE = """
    insert into commands (id, actor, stream, first_version, last_version, fingerprint, at, answer)
    values ($1, $2, $3, 1, 0, $4, $5, $6) on conflict (id) do nothing"""
_READ = "select fingerprint, answer from commands where id = $1"
