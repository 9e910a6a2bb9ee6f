"""Whole commands: load, decide, append, one read model, commit; beside a bare insert."""

from collections.abc import Awaitable, Callable
from itertools import count
from uuid import UUID, uuid4

from common.kernel import Kernel
from common.testing.example import NOTE, ChangeNote, NoteCommand, WriteNote
from common.testing.kernel import cause

from bench.example_store import TEXT, example_store
from bench.measurement import Measurement
from bench.raw_inserts import beside_raw_inserts, raw_rows
from bench.rounds import Run

AT_ONCE = 32


async def measure(run: Run) -> list[Measurement]:
    """All lines about commands."""
    async with (
        example_store(run.postgres, connections=AT_ONCE) as kernel,
        raw_rows(kernel, AT_ONCE) as raw,
    ):
        return await beside_raw_inserts(
            run,
            "commands",
            f"whole command, {AT_ONCE} at once",
            AT_ONCE,
            _commanding(kernel),
            raw,
            "each worker writes a note, changes it, goes on to the next",
        )


def _commanding(kernel: Kernel) -> Callable[[int], Awaitable[None]]:
    """Every second command finds a stream of one event, every other an empty one."""
    authors = [uuid4() for _ in range(AT_ONCE)]
    notes = [uuid4() for _ in range(AT_ONCE)]
    turns = [count() for _ in range(AT_ONCE)]

    async def once(worker: int) -> None:
        if next(turns[worker]) % 2 == 0:
            notes[worker] = uuid4()
            command = _write(notes[worker], authors[worker])
        else:
            command = ChangeNote(notes[worker], f"{TEXT}!")
        await kernel.commands.handle(NOTE, notes[worker], command, cause())

    return once


def _write(note_id: UUID, author: UUID) -> NoteCommand:
    return WriteNote(note_id, author, f"Note {note_id}", TEXT)
