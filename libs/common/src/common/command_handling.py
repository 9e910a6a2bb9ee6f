"""One command, one transaction: seen before? load, fold, decide, write, append last, commit.

After a lost race it loads and decides once more. After an unknown commit outcome nothing is
retried: the `commands` row, written in the same transaction, says what happened.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic
from uuid import UUID

import asyncpg
import orjson
import structlog

from common.database import OUTCOME_UNKNOWN, Database, Transaction
from common.decider import CommandT, Decider, EventT, StateT
from common.event_store import Cause, DuplicateCommand, EventStore, Stream, VersionConflict
from common.log_followers import Wake
from common.problems import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    Unavailable,
)
from common.read_models import Projections, Stamp
from common.snapshots import Snapshots

log = structlog.get_logger(__name__)


class IdempotencyKeyReused(Invalid):
    """The same key came with another request."""

    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another request. Use a new one."


class IdempotencyKeyInUse(Conflict):
    """The first request with this key has not ended yet."""

    code = "idempotency_key_in_use"
    detail = "The first request with this Idempotency-Key is still running. Repeat it shortly."


@dataclass(frozen=True)
class Answer:
    """What the caller is told; kept with the command when the caller may repeat it."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Handled(Generic[StateT]):
    """The state after the command, its version; `replayed`: all this had happened before."""

    state: StateT
    version: int
    answer: Answer | None = None
    replayed: bool = False


AnswerOf = Callable[[StateT, int], Answer]


class Commands:
    """Carries out commands on the streams of one service."""

    def __init__(
        self,
        database: Database,
        store: EventStore,
        projections: Projections,
        wake: Wake,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.database = database
        self.store = store
        self.projections = projections
        self.wake = wake
        self.snapshots = snapshots or Snapshots(())

    async def handle(
        self,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        command: CommandT,
        cause: Cause,
        *,
        expected: int | None = None,
        answer: AnswerOf[StateT] | None = None,
    ) -> Handled[StateT]:
        """Carry out one command in a transaction of its own.

        `expected` is the version that the caller saw (`If-Match`). Raises the decider's refusals,
        `Conflict` after two lost races, `PreconditionFailed`, `Unavailable` without a database.
        """
        for last_try in (False, True):
            try:
                async with self.database.transaction() as transaction:
                    seen = await self._seen(transaction, decider, id, cause)
                    if seen is not None:
                        return seen
                    return await self.handle_in(
                        transaction, decider, id, command, cause, expected=expected, answer=answer
                    )
            except VersionConflict:
                if expected is not None:
                    raise PreconditionFailed from None
                if last_try:
                    raise Conflict from None
            except DuplicateCommand:
                return await self._after_the_fact(decider, id, cause)
            except OUTCOME_UNKNOWN as error:
                log.warning(
                    "commit_outcome_unknown", command=str(cause.command_id), why=repr(error)
                )
                return await self._after_the_fact(decider, id, cause)
        raise AssertionError("the second try returns or raises")

    async def handle_in(
        self,
        transaction: Transaction,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        command: CommandT,
        cause: Cause,
        *,
        expected: int | None = None,
        answer: AnswerOf[StateT] | None = None,
    ) -> Handled[StateT]:
        """The same inside a transaction that its owner commits: for reactions and timers.

        Raises `VersionConflict` after a lost race; the transaction is then lost as well.
        """
        stream, state = await self.state(transaction, decider, id)
        events = _decide(decider, command, state, expected, stream.version)
        state = decider.fold(events, state)
        version = stream.version + len(events)
        told = answer(state, version) if answer else None
        kept = self._sealed(told, cause)
        if events:
            await self._project(transaction, stream, events)
            await self.store.append(transaction, stream, events, cause, kept)
            transaction.after_commit(self.wake.notify)
        elif cause.fingerprint is not None:
            await self._remember_without_events(transaction, stream, cause, kept)
        return Handled(state, version, told)

    async def state(
        self, transaction: Transaction, decider: Decider[CommandT, StateT, EventT], id: UUID
    ) -> tuple[Stream, StateT]:
        """The stream (without the events that a snapshot covers) and what they fold to."""
        name = decider.stream(id)
        start = await self.snapshots.newest(transaction, decider, name)
        stream = await self.store.load(transaction, name, after=start.version, hash=start.hash)
        state = decider.fold(stream.events, start.state)
        self.snapshots.renew(self.database, transaction, decider, stream, state)
        return stream, state

    async def _project(
        self, transaction: Transaction, stream: Stream, events: Sequence[object]
    ) -> None:
        writes = [
            write
            for version, event in enumerate(events, start=stream.version + 1)
            for write in self.projections.writes(event, Stamp(stream.name, version))
        ]
        if writes:
            await self.projections.apply(transaction, writes)

    async def _seen(
        self,
        transaction: Transaction,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        cause: Cause,
    ) -> Handled[StateT] | None:
        """The stored answer when the caller repeats a request."""
        if cause.fingerprint is None:
            return None
        first = await transaction.connection.fetchval(_LOCK_KEY, str(cause.command_id))
        if not first:
            raise IdempotencyKeyInUse
        row = await transaction.connection.fetchrow(_SEEN, cause.command_id)
        return await self._replay(transaction, decider, id, cause, row) if row else None

    async def _replay(
        self,
        transaction: Transaction,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        cause: Cause,
        row: asyncpg.Record,
    ) -> Handled[StateT]:
        if row["fingerprint"] != cause.fingerprint:
            raise IdempotencyKeyReused
        _, state = await self.state(transaction, decider, id)
        kept = row["answer"]
        answer = self._opened(kept, cause) if kept else None
        return Handled(state, row["last_version"], answer, replayed=True)

    async def _after_the_fact(
        self, decider: Decider[CommandT, StateT, EventT], id: UUID, cause: Cause
    ) -> Handled[StateT]:
        """What became of a command whose commit we did not see: look, never repeat."""
        try:
            async with self.database.transaction() as transaction:
                # waits for the other transaction, if there is one, to end either way
                await transaction.connection.execute(_WAIT_FOR, cause.command_id, cause.now)
                row = await transaction.connection.fetchrow(_SEEN, cause.command_id)
                if row is not None and row["stream"]:
                    return await self._replay(transaction, decider, id, cause, row)
                raise Unavailable("Nothing was changed. Repeat the request.")
        except OUTCOME_UNKNOWN as error:
            raise Unavailable from error

    async def _remember_without_events(
        self, transaction: Transaction, stream: Stream, cause: Cause, kept: bytes | None
    ) -> None:
        await transaction.connection.execute(
            _REMEMBER,
            cause.command_id,
            cause.actor,
            stream.name,
            stream.version,
            cause.fingerprint,
            kept,
            cause.now,
        )

    def _sealed(self, answer: Answer | None, cause: Cause) -> bytes | None:
        if answer is None or cause.fingerprint is None:
            return None
        plain = orjson.dumps([answer.status, answer.body, dict(answer.headers)])
        return self.store.keys.seal_bytes(plain, f"answer/{cause.command_id}")

    def _opened(self, sealed: bytes, cause: Cause) -> Answer:
        plain = self.store.keys.open_bytes(sealed, f"answer/{cause.command_id}")
        status, body, headers = orjson.loads(plain)
        return Answer(status, body, headers)


def _decide(
    decider: Decider[CommandT, StateT, EventT],
    command: CommandT,
    state: StateT,
    expected: int | None,
    version: int,
) -> Sequence[EventT]:
    """Decide; a caller who saw an older version hears that first, unless he may not know of it."""
    stale = expected is not None and expected != version
    try:
        events = decider.decide(command, state)
    except (NotFound, Forbidden):
        raise
    except Refusal:
        if stale:
            raise PreconditionFailed from None
        raise
    if stale:
        raise PreconditionFailed
    return events


_LOCK_KEY = "select pg_try_advisory_xact_lock(hashtext('idempotency'), hashtext($1))"
_SEEN = "select stream, last_version, fingerprint, answer from commands where id = $1"
_WAIT_FOR = """
    insert into commands (id, stream, first_version, last_version, at) values ($1, '', 0, 0, $2)
        on conflict do nothing"""
_REMEMBER = """
    insert into commands (id, actor, stream, first_version, last_version, fingerprint, answer, at)
    values ($1, $2, $3, $4 + 1, $4, $5, $6, $7)"""
