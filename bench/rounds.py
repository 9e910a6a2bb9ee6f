"""Fair comparison: ours and its references in turn, in short rounds, so that whatever else the
machine does meanwhile meets all of them; the median of the rounds counts."""

import asyncio
import cProfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from common.embedded_postgres import EmbeddedPostgres

from bench.cpu import cpu_seconds

WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Run:
    """How to measure: the length and number of the rounds, a server, a profiler for our side."""

    seconds: float
    rounds: int
    postgres: EmbeddedPostgres
    profiler: cProfile.Profile | None = None

    def told(self, conditions: str) -> str:
        """The conditions of a line, with the rounds."""
        return f"{conditions}; median of {self.rounds} rounds of {self.seconds:g} s each"


async def _nothing(_: float) -> None:
    """Most sides need no preparation."""


@dataclass(frozen=True)
class Side:
    """Works for about so many seconds and returns a figure, e.g. so many a second.

    `prepare` comes before each round and is neither timed nor profiled.
    """

    work: Callable[[float], Awaitable[float]]
    prepare: Callable[[float], Awaitable[None]] = _nothing


@dataclass(frozen=True)
class Figures:
    """The median of each side's rounds, and of the CPU time that one operation took.

    `microseconds` counts this process and PostgreSQL, so it means something only for sides whose
    figure is a rate and that work here.
    """

    medians: Mapping[str, float]
    microseconds: Mapping[str, float]

    def __getitem__(self, side: str) -> float:
        return self.medians[side]


async def in_turn(run: Run, ours: Side, **references: Side) -> Figures:
    """Each side's figures, `ours` among them; A B A B A B.

    The first round of each warms up (connections, plans, caches) and does not count.
    """
    sides = {"ours": ours, **references}
    figures: dict[str, list[float]] = {name: [] for name in sides}
    microseconds: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        await side.prepare(WARM_UP_SECONDS)
        await side.work(WARM_UP_SECONDS)
    for _ in range(run.rounds):
        for name, side in sides.items():
            await side.prepare(run.seconds)
            with _profiled(run.profiler if name == "ours" else None):
                start, used = time.perf_counter(), cpu_seconds(run.postgres)
                figure = await side.work(run.seconds)
                busy = (cpu_seconds(run.postgres) - used) / (time.perf_counter() - start)
            figures[name].append(figure)
            microseconds[name].append(busy / figure * 1e6)
    return Figures(_medians(figures), _medians(microseconds))


def _medians(values: Mapping[str, list[float]]) -> Mapping[str, float]:
    return {name: median(found) for name, found in values.items()}


@contextmanager
def _profiled(profiler: cProfile.Profile | None) -> Iterator[None]:
    if profiler is None:
        yield
        return
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()


def repeated(at_once: int, once: Callable[[int], Awaitable[None]]) -> Side:
    """How often a second `once(worker)` is done by so many workers, each one after the other."""

    async def work(seconds: float) -> float:
        done = 0
        start = time.perf_counter()
        end = start + seconds

        async def repeat(worker: int) -> None:
            nonlocal done
            while time.perf_counter() < end:
                await once(worker)
                done += 1

        await asyncio.gather(*(repeat(worker) for worker in range(at_once)))
        return done / (time.perf_counter() - start)

    return Side(work)
