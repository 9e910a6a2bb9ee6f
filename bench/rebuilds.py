"""Building a read model anew from the whole log."""

import time
from uuid import uuid4

from common.event_store import EventStore
from common.kernel import Kernel
from common.personal_data import SubjectKeys
from common.read_models import rebuild
from common.testing.example import NOTES

from bench.example_store import DATA_KEY, append, example_store, history
from bench.measurement import Measurement
from bench.rounds import Run, Side, in_turn
from bench.targets import line

EVENTS_A_STREAM = 10
STREAMS = 5_000


async def measure(run: Run) -> list[Measurement]:
    """The line about rebuilds."""
    async with example_store(run.postgres, connections=4) as kernel:
        for _ in range(STREAMS):
            note_id = uuid4()
            await append(kernel, note_id, history(note_id, uuid4(), EVENTS_A_STREAM))
        figures = await in_turn(run, _rebuilding(kernel))
    conditions = (
        f"{STREAMS * EVENTS_A_STREAM} events of {STREAMS} streams and as many persons; "
        f"no key remembered from before; median of {run.rounds} rebuilds"
    )
    ours = figures["ours"]
    return [
        line("rebuilds", "rebuild of a view", ours, None, unit="/s", conditions=conditions),
    ]


def _rebuilding(kernel: Kernel) -> Side:
    async def work(_: float) -> float:
        store = EventStore(kernel.store.source, kernel.store.types, SubjectKeys(DATA_KEY))
        start = time.perf_counter()
        events = await rebuild(kernel.database, store, NOTES)
        return events / (time.perf_counter() - start)

    return Side(work)
