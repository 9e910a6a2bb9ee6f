"""P15 and P3: the kernel answers as a dictionary of lists would, and versions have no holes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from common.command_handling import Answer, Handled, IdempotencyKeyReused
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause, Stream, VersionConflict
from common.kernel import Kernel
from common.log_followers import read_page
from common.problems import NotFound, PreconditionFailed, Refusal
from common.testing.example import (
    ALL_NOTES,
    NOTE,
    BurnNote,
    ChangeNote,
    Note,
    NoteChanged,
    NoteCommand,
    NoteEvent,
    NoteState,
    NoteWritten,
    TitleTaken,
    WriteNote,
)
from common.testing.kernel import NOW, cause, kernel_on
from common.testing.machines import AsyncMachine, run_machine
from common.verification import verify_log
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule

AUTHOR = UUID(int=1)
TEXTS = st.sampled_from(["red", "green", ""])


@pytest.fixture(scope="module")
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """One for all examples: each has streams of its own."""
    async with kernel_on(postgres) as kernel:
        yield kernel


Told = tuple[int, bool, NoteState, Answer | None] | type[Refusal]
"""What a caller hears: version, whether it was a repeat, state and answer; or a refusal."""


@dataclass
class MemoryStore:
    """The same promises in the simplest words."""

    streams: dict[UUID, list[NoteEvent]]
    told: dict[UUID, tuple[bytes, int, Answer]] = field(default_factory=dict)

    def state(self, id: UUID) -> NoteState:
        return NOTE.fold(self.streams[id])

    def titles(self) -> set[str]:
        states = map(self.state, self.streams)
        return {state.title for state in states if isinstance(state, Note)}

    def handle(self, command: NoteCommand, why: Cause, expected: int | None) -> Told:
        id, stream = command.note_id, self.streams[command.note_id]
        if why.fingerprint and why.command_id in self.told:
            fingerprint, version, answer = self.told[why.command_id]
            if fingerprint != why.fingerprint:
                return IdempotencyKeyReused
            return version, True, self.state(id), answer
        try:
            events = NOTE.decide(command, self.state(id))
        except NotFound:
            return NotFound
        except Refusal as refusal:
            return PreconditionFailed if expected not in (None, len(stream)) else type(refusal)
        if expected not in (None, len(stream)):
            return PreconditionFailed
        if any(isinstance(e, NoteWritten) and e.title in self.titles() for e in events):
            return TitleTaken
        stream += events
        answer = answer_of(self.state(id), len(stream))
        if why.fingerprint:
            self.told[why.command_id] = (why.fingerprint, len(stream), answer)
        return len(stream), False, self.state(id), answer


def answer_of(state: NoteState, version: int) -> Answer:
    return Answer(200, {"kind": type(state).__name__}, {"ETag": f'"{version}"'})


class SameAsMemory(AsyncMachine):
    """Every rule asks both and compares; every step ends with a look at everything."""

    notes: Bundle[UUID] = Bundle("notes")
    keys: Bundle[UUID] = Bundle("keys")

    def __init__(self, loop: asyncio.AbstractEventLoop, kernel: Kernel) -> None:
        super().__init__(loop)
        self._kernel = kernel
        self._salt = uuid4().hex

    @initialize(target=notes)
    def three_notes(self) -> Any:
        ids = [uuid4() for _ in range(3)]
        self._memory = MemoryStore({id: [] for id in ids})
        return multiple(*ids)

    @rule(target=keys)
    def a_new_key(self) -> UUID:
        return uuid4()

    @rule(
        id=notes,
        what=st.sampled_from(["write", "change", "burn"]),
        text=TEXTS,
        expected=st.none() | st.integers(0, 4),
        key=st.none() | keys,
        fingerprint=st.sampled_from([b"one", b"another"]),
    )
    def a_command(
        self,
        id: UUID,
        what: str,
        text: str,
        expected: int | None,
        key: UUID | None,
        fingerprint: bytes,
    ) -> None:
        command: NoteCommand = {
            "write": WriteNote(id, AUTHOR, f"{text} {self._salt}", text),
            "change": ChangeNote(id, text),
            "burn": BurnNote(id),
        }[what]
        why = Cause(key or uuid4(), NOW, fingerprint=fingerprint if key else None)

        assert self.wait_for(self._handle(command, why, expected)) == self._memory.handle(
            command, why, expected
        )

    async def _handle(self, command: NoteCommand, why: Cause, expected: int | None) -> Told:
        commands = self._kernel.commands
        try:
            handled: Handled[NoteState] = await commands.handle(
                NOTE, command.note_id, command, why, expected=expected, answer=answer_of
            )
        except Refusal as refusal:
            return type(refusal)
        return handled.version, handled.replayed, handled.state, handled.answer

    @rule(id=notes, writers=st.integers(2, 4), versions=st.sampled_from([-1, 0, 1]))
    def a_race_of_appends(self, id: UUID, writers: int, versions: int) -> None:
        """Behind, at or ahead of the stream's end: only at its end one wins, and only one."""
        stream = self._memory.streams[id]
        if not isinstance(self._memory.state(id), Note):
            return
        results = self.wait_for(self._race(id, len(stream) + versions, writers))
        won = [event for event in results if isinstance(event, NoteChanged)]
        assert len(won) == (1 if versions == 0 else 0)
        assert sum(isinstance(r, VersionConflict) for r in results) == writers - len(won)
        stream += won

    async def _race(self, id: UUID, version: int, writers: int) -> Sequence[object]:
        async with self._kernel.database.reader() as reader:
            end = await self._kernel.store.load(reader, NOTE.stream(id))
        stream = Stream(end.name, version, end.hash, ())

        async def append(n: int) -> NoteEvent:
            event = NoteChanged(id, AUTHOR, f"by {n}")
            async with self._kernel.database.transaction() as transaction:
                await self._kernel.store.append(transaction, stream, [event], cause())
            await self._show(event, version + 1)
            return event

        return await asyncio.gather(*(append(n) for n in range(writers)), return_exceptions=True)

    async def _show(self, event: NoteChanged, version: int) -> None:
        """A bare append leaves the read model to its caller."""
        async with self._kernel.database.owner() as owner:
            await owner.execute(
                "update notes set text = $2, version = $3 where note_id = $1",
                event.note_id,
                event.text,
                version,
            )

    @invariant()
    def both_hold_the_same(self) -> None:
        self.wait_for(self._compare())

    async def _compare(self) -> None:
        memory, database = self._memory, self._kernel.database
        async with database.reader() as reader:
            for id, events in memory.streams.items():
                stream = await self._kernel.store.load(reader, NOTE.stream(id))
                assert (list(stream.events), stream.version) == (events, len(events))
        rows = {
            r["note_id"]: (r["title"], r["text"], r["version"])
            for r in await database.fetch(ALL_NOTES)
        }
        for id, events in memory.streams.items():
            state = memory.state(id)
            shown = (state.title, state.text, len(events)) if isinstance(state, Note) else None
            assert rows.get(id) == shown

    def teardown(self) -> None:
        self.wait_for(self._verify())

    async def _verify(self) -> None:
        assert [flaw async for flaw in verify_log(self._kernel.database)] == []


@pytest.mark.integration
async def test_the_kernel_answers_as_a_dictionary_of_lists_would(kernel: Kernel) -> None:
    await run_machine(lambda loop: SameAsMemory(loop, kernel), examples=20, steps=30)


@pytest.mark.integration
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=2, max_size=12))
@settings(max_examples=15, deadline=None)  # a step is a transaction on a disk that others share
async def test_any_writers_at_once_leave_versions_without_holes(
    kernel: Kernel, writers: Sequence[tuple[int, int]]
) -> None:
    """Each writer appends so many events to one of three streams, as often as it loses the race."""
    ids = [uuid4() for _ in range(3)]

    async def append(n: int, at: int, count: int) -> None:
        events = [NoteChanged(ids[at], AUTHOR, f"{n}.{m}") for m in range(count)]
        while True:
            try:
                async with kernel.database.transaction() as transaction:
                    stream = await kernel.store.load(transaction, NOTE.stream(ids[at]))
                    await kernel.store.append(transaction, stream, events, cause())
            except VersionConflict:
                continue
            return

    await asyncio.gather(*(append(n, at, count) for n, (at, count) in enumerate(writers)))

    async with kernel.database.reader() as reader:
        page = await read_page(reader, kernel.store, await start_of(kernel, ids))
    for at, id in enumerate(ids):
        mine = [record for record in page.events if record.stream == NOTE.stream(id)]
        written = [
            f"{n}.{m}" for n, (to, count) in enumerate(writers) if to == at for m in range(count)
        ]
        assert [record.version for record in mine] == list(range(1, len(written) + 1))
        assert sorted(record.event.text for record in mine) == sorted(written)


async def start_of(kernel: Kernel, ids: Sequence[UUID]) -> int:
    async with kernel.database.reader() as reader:
        first: int = await reader.connection.fetchval(
            "select min(position) - 1 from events where stream = any($1::text[])",
            [NOTE.stream(id) for id in ids],
        )
    return first


@pytest.mark.integration
async def test_of_two_who_begin_one_stream_at_once_the_second_decides_again(
    kernel: Kernel,
) -> None:
    for _ in range(10):
        id = uuid4()
        results = await asyncio.gather(
            *(
                kernel.commands.handle(NOTE, id, WriteNote(id, AUTHOR, f"{id} {n}", "x"), cause())
                for n in range(4)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Handled) for result in results) == 1
        assert sum(isinstance(result, Refusal) for result in results) == 3
