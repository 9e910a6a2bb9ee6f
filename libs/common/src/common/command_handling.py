"""One command: seen before? load, fold, decide, then write all that follows in one statement.

After a lost race it loads and decides once more. After an unknown commit outcome nothing is
retried: the `commands` row, written with the events, says what happened.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic
from uuid import UUID

import asyncpg
import orjson
import structlog

from common.command_records import (
    LOST_RACES,
    NEW,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    decide_again,
    last_try,
    remember_without_events,
    settle,
)
from common.database import OUTCOME_UNKNOWN, Database, Transaction
from common.decider import CommandT, Decider, EventT, StateT
from common.deciding import decided
from common.event_store import Cause, DuplicateCommand, EventStore, Stream
from common.log_followers import Wake
from common.problems import Conflict, Refusal, Unavailable
from common.read_models import Projections, Stamp
from common.snapshots import Snapshots

log = structlog.get_logger(__name__)


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

Then = Callable[[Transaction], Awaitable[None]]
"""What else belongs into the command's transaction: other streams, checks that need its locks."""


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
        then: Then | None = None,
    ) -> Handled[StateT]:
        """Carry out one command; what follows from it is committed as a whole or not at all.

        `expected` is the version that the caller saw (`If-Match`), or `NEW`; `then` runs before the
        commit and takes the command back when it raises. Raises the decider's refusals, `Conflict`
        after two lost races, `PreconditionFailed`, `Unavailable` without a database.
        """
        for again in (False, True):
            try:
                return await self._handle_once(
                    decider, id, command, cause, expected=expected, answer=answer, then=then
                )
            except LOST_RACES as race:
                expected = decide_again(race, expected, again)
            except asyncpg.LockNotAvailableError:
                raise (IdempotencyKeyInUse if cause.fingerprint else Conflict) from None
            except DuplicateCommand:
                cause, seen = await self._look_up(decider, id, cause, answer, last_try)
                if seen is not None:
                    return seen
            except OUTCOME_UNKNOWN as error:
                log.warning(
                    "commit_outcome_unknown", command=str(cause.command_id), why=repr(error)
                )
                # never repeated: looked up
                _, seen = await self._look_up(decider, id, cause, answer, settle)
                if seen is not None:
                    return seen
                break
        raise Unavailable("Nothing was changed. Repeat the request.")

    async def replayed(
        self, decider: Decider[CommandT, StateT, EventT], id: UUID, cause: Cause
    ) -> Handled[StateT] | None:
        """What became of this very request when it came before: for routes whose own checks, such
        as that of a password which it changed, cannot be repeated. Raises as `handle` does."""
        if cause.fingerprint is None:
            return None
        async with self.database.reader() as connection:
            cause, row = await last_try(connection, cause)
            return await self._replay(connection, decider, id, cause, row) if row else None

    async def _handle_once(
        self,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        command: CommandT,
        cause: Cause,
        *,
        expected: int | None,
        answer: AnswerOf[StateT] | None,
        then: Then | None,
    ) -> Handled[StateT]:
        unit = self.database.transaction if then else self.database.reader
        try:
            async with unit() as connection:
                if cause.fingerprint is not None:
                    cause, row = await last_try(connection, cause)
                    if row is not None:
                        return await self._replay(connection, decider, id, cause, row)
                handled = await self.handle_in(
                    connection, decider, id, command, cause, expected=expected, answer=answer
                )
                if then is not None:
                    await then(connection)
                return handled
        except (Refusal, *LOST_RACES):
            # the same request, sent twice at once, may have been carried out since we looked
            seen = await self.replayed(decider, id, cause)
            if seen is None:
                raise
            return seen

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
        """The same once, on a connection of the caller's: for reactions and timers, who commit.

        Raises `VersionConflict` after a lost race; a transaction is then lost as well.
        """
        if expected == NEW:
            stream, state, expected = Stream.begun(decider.stream(id)), decider.initial, None
        else:
            stream, state = await self.state(transaction, decider, id)
        stale = expected is not None and expected != stream.version
        events = decided(self.store.source, decider, command, state, stale=stale)
        state = decider.fold(events, state)
        version = stream.version + len(events)
        told = answer(state, version) if answer else None
        kept = self._sealed(told, cause)
        if events:
            await self._append(transaction, stream, events, cause, kept)
        elif cause.fingerprint is not None:
            await remember_without_events(transaction, stream, cause, kept)
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

    async def _append(
        self,
        transaction: Transaction,
        stream: Stream,
        events: Sequence[object],
        cause: Cause,
        kept: bytes | None,
    ) -> None:
        writes = [
            write
            for version, event in enumerate(events, start=stream.version + 1)
            for write in self.projections.writes(event, Stamp(stream.name, version))
        ]
        try:
            await self.store.append(transaction, stream, events, cause, answer=kept, writes=writes)
        except asyncpg.IntegrityConstraintViolationError as error:
            refusal = self.projections.refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error
        transaction.after_commit(self.wake.notify)

    async def _replay(
        self,
        connection: Transaction,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        cause: Cause,
        row: asyncpg.Record,
        answer: AnswerOf[StateT] | None = None,
    ) -> Handled[StateT]:
        """The stored answer when the caller repeats a request."""
        if row["fingerprint"] != cause.fingerprint:
            raise IdempotencyKeyReused
        stream, state = await self.state(connection, decider, id)
        kept = row["answer"]
        told = self._opened(kept, cause) if kept else None
        if answer and cause.fingerprint is None:
            told = answer(state, stream.version)  # nothing is kept of one that nobody may repeat
        return Handled(state, row["last_version"], told, replayed=True)

    async def _look_up(
        self,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        cause: Cause,
        answer: AnswerOf[StateT] | None,
        find: Callable[[Transaction, Cause], Awaitable[tuple[Cause, asyncpg.Record | None]]],
    ) -> tuple[Cause, Handled[StateT] | None]:
        """What was done under the command's id; or nothing, and the id to take next."""
        try:
            async with self.database.reader() as connection:
                cause, row = await find(connection, cause)
                if row is None:
                    return cause, None
                return cause, await self._replay(connection, decider, id, cause, row, answer)
        except (*OUTCOME_UNKNOWN, asyncpg.LockNotAvailableError) as error:
            raise Unavailable from error

    def _sealed(self, answer: Answer | None, cause: Cause) -> bytes | None:
        if answer is None or cause.fingerprint is None:
            return None
        plain = orjson.dumps([answer.status, answer.body, dict(answer.headers)])
        return self.store.keys.seal_bytes(plain, f"answer/{cause.command_id}")

    def _opened(self, sealed: bytes, cause: Cause) -> Answer:
        plain = self.store.keys.open_bytes(sealed, f"answer/{cause.command_id}")
        status, body, headers = orjson.loads(plain)
        return Answer(status, body, headers)
