"""Several streams in one transaction: loaded together, decided in memory, written together.

A command by itself costs two round trips (`command_handling`). Who carries out many, on three
streams or on hundreds, pays here for the kinds of statements and not for their number.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg

from common.appending import Append, append_all
from common.command_handling import Commands
from common.database import Transaction
from common.decider import CommandT, Decider, EventT, StateT
from common.deciding import decided
from common.event_store import Cause, Stream
from common.read_models import Stamp
from common.statements import Write


class UnitOfWork:
    """`async with` one on a transaction; at the end of the block what was decided is written.

    Until then nothing of it stands in the database: who must read it there calls `write` before.
    For causes of our own: no answer is kept for who repeats a request.
    """

    def __init__(self, commands: Commands, transaction: Transaction) -> None:
        self.transaction = transaction
        self._commands = commands
        self._known: dict[str, tuple[Stream, Any]] = {}
        self._decided: list[Append] = []

    async def __aenter__(self) -> "UnitOfWork":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self.write()

    async def load(
        self, decider: Decider[CommandT, StateT, EventT], ids: Iterable[UUID]
    ) -> list[StateT]:
        """The states of these streams, each once; one round trip for all that are new here."""
        wanted = {decider.stream(id): id for id in ids}
        missing = [name for name in wanted if name not in self._known]
        if self._commands.snapshots.cover(decider):
            for name in missing:
                self._known[name] = await self._commands.state(
                    self.transaction, decider, wanted[name]
                )
        elif missing:
            await self._load_all(decider, missing)
        return [self._known[name][1] for name in wanted]

    async def state(self, decider: Decider[CommandT, StateT, EventT], id: UUID) -> StateT:
        """What the stream's events fold to, those that were decided here among them."""
        name = decider.stream(id)
        if name not in self._known:
            await self.load(decider, [id])
        state: StateT = self._known[name][1]
        return state

    async def handle(
        self,
        decider: Decider[CommandT, StateT, EventT],
        id: UUID,
        command: CommandT,
        cause: Cause,
    ) -> StateT:
        """Decide on one command; the state after it. Raises the decider's refusals."""
        state = await self.state(decider, id)
        events = decided(self._commands.store.source, decider, command, state, stale=False)
        if not events:
            return state
        stream, _ = self._known[decider.stream(id)]
        state = decider.fold(events, state)
        self._decided.append(Append(stream, events, cause))
        self._known[stream.name] = replace(stream, version=stream.version + len(events)), state
        return state

    async def write(self) -> None:
        """Write what was decided since the last time, the events last.

        Raises `VersionConflict` after a lost race, and the refusals that violated constraints mean:
        the transaction is then lost.
        """
        appends, self._decided = self._decided, []
        if not appends:
            return
        commands = self._commands
        writes = [write for append in appends for write in self._following(append)]
        try:
            hashes = await append_all(commands.store, self.transaction, appends, writes)
        except asyncpg.IntegrityConstraintViolationError as error:
            refusal = commands.projections.refusal_of(error)
            if refusal is None:
                raise
            raise refusal from error
        for name, hash in hashes.items():
            stream, state = self._known[name]
            self._known[name] = replace(stream, hash=hash), state
        self.transaction.after_commit(commands.wake.notify)

    def _following(self, append: Append) -> Iterable[Write]:
        stream = append.stream
        for version, event in enumerate(append.events, start=stream.version + 1):
            yield from self._commands.projections.writes(event, Stamp(stream.name, version))

    async def _load_all(self, decider: Decider[CommandT, StateT, EventT], names: list[str]) -> None:
        rows = await self.transaction.connection.fetch(_LOAD, names)
        events = await self._commands.store.events_of(self.transaction, rows)
        for name in names:
            self._known[name] = Stream.begun(name), decider.initial
        told = zip(rows, events, strict=True)
        for name, some in groupby(told, key=lambda pair: pair[0]["stream"]):
            history = list(some)
            last = history[-1][0]
            stream = Stream(name, last["version"], last["hash"], ())
            self._known[name] = stream, decider.fold(event for _, event in history)


_LOAD = """
    select stream, version, type, schema, data, hash from events
     where stream = any($1::text[]) order by stream, version"""
