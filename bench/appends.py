"""Appends of one event to a new stream, beside bare inserts and the library `eventsourcing`."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

from common.kernel import Kernel

from bench.eventsourcing_library import eventsourcing
from bench.example_store import append, example_store, history
from bench.measurement import Measurement, Reference
from bench.raw_inserts import beside_raw_inserts, raw_rows
from bench.rounds import Figures, Run, Side, in_turn, repeated
from bench.targets import line

AT_ONCE = (8, 32)
WRITTEN = "one event a transaction, each to a new stream; one connection a worker on both sides"


async def measure(run: Run) -> list[Measurement]:
    """All lines about appends."""
    return [
        *await _beside_the_limit(run, network_disk=False),
        *await _beside_the_limit(run, network_disk=True),
        *await _beside_the_library(run),
    ]


async def _beside_the_limit(run: Run, *, network_disk: bool) -> list[Measurement]:
    most = max(AT_ONCE)
    where = ", network disk" if network_disk else ""
    disk = "; commit_delay=2000, commit_siblings=0 for both sides" if network_disk else ""
    async with (
        example_store(run.postgres, connections=most, network_disk=network_disk) as kernel,
        raw_rows(kernel, most) as raw,
    ):
        once = _appending(kernel, most)
        return [
            measurement
            for at_once in AT_ONCE
            for measurement in await beside_raw_inserts(
                run,
                "appends",
                f"append, {at_once} at once{where}",
                at_once,
                once,
                raw,
                WRITTEN + disk,
            )
        ]


async def _beside_the_library(run: Run) -> list[Measurement]:
    lines = []
    async with (
        example_store(run.postgres, connections=max(AT_ONCE)) as kernel,
        eventsourcing(run.postgres) as plain,
        eventsourcing(run.postgres, functions=True) as tuned,
    ):
        once = _appending(kernel, max(AT_ONCE))
        for at_once in (1, *AT_ONCE):
            told = f"{at_once} at once" if at_once > 1 else "1 at a time"
            figures = await in_turn(
                run,
                repeated(at_once, once),
                eventsourcing=Side(partial(plain.append, at_once)),
                tuned_eventsourcing=Side(partial(tuned.append, at_once)),
            )
            lines += _library_lines(run, f"append, {told}", at_once, figures)
    return lines


def _library_lines(run: Run, name: str, threads: int, figures: Figures) -> list[Measurement]:
    conditions = run.told(
        f"{WRITTEN}; the library in a process of its own, with its defaults, "
        "tuned: with POSTGRES_ENABLE_DB_FUNCTIONS"
    )
    return [
        line(
            "appends",
            f"{name}, beside {peer.replace('_', ' ')}",
            figures["ours"],
            Reference(f"{threads} {'thread' if threads == 1 else 'threads'}", figures[peer]),
            unit="/s",
            conditions=conditions,
        )
        for peer in ("eventsourcing", "tuned_eventsourcing")
    ]


def _appending(kernel: Kernel, workers: int) -> Callable[[int], Awaitable[None]]:
    """Each worker writes as an author of its own, whose key the store remembers."""
    authors = [uuid4() for _ in range(workers)]

    async def once(worker: int) -> None:
        note_id = uuid4()
        await append(kernel, note_id, history(note_id, authors[worker], 1))

    return once
