"""Loading a long aggregate without a snapshot: read, unseal, fold; beside `eventsourcing`."""

import time
from uuid import uuid4

from common.kernel import Kernel
from common.testing.example import NOTE, NoNote

from bench.eventsourcing_library import eventsourcing
from bench.example_store import append, example_store, history
from bench.measurement import Measurement, Reference
from bench.rounds import Run, Side, in_turn
from bench.targets import line

EVENTS = 201


async def measure(run: Run) -> list[Measurement]:
    """The line about loads."""

    async def by_the_library(seconds: float) -> float:
        return await library.load(EVENTS, seconds)

    async with (
        example_store(run.postgres, connections=1) as kernel,
        eventsourcing(run.postgres) as library,
    ):
        figures = await in_turn(run, await _loading(kernel), library=Side(by_the_library))
    reference = Reference("eventsourcing", figures["library"])
    conditions = run.told(
        "one after the other, without a transaction on either side, as our commands load; our "
        "events are unsealed, the library's were never sealed; no snapshot, no cache of "
        "aggregates; the library in a process of its own"
    )
    name = f"load of {EVENTS} events"
    return [line("loads", name, figures["ours"], reference, unit="ms", conditions=conditions)]


async def _loading(kernel: Kernel) -> Side:
    note_id = uuid4()
    await append(kernel, note_id, history(note_id, uuid4(), EVENTS))

    async def work(seconds: float) -> float:
        start, done = time.perf_counter(), 0
        while time.perf_counter() < start + seconds:
            async with kernel.database.reader() as connection:
                stream, state = await kernel.commands.state(connection, NOTE, note_id)
            assert stream.version == EVENTS
            assert state != NoNote()
            done += 1
        return (time.perf_counter() - start) / done * 1000

    return Side(work)
