"""Memory of each process: when everything is ready, and after it has worked."""

from collections.abc import Mapping
from pathlib import Path

from common.testing.processes import Process

from bench.creation import OWNERS, making_cards
from bench.gateway import reading_a_card
from bench.measurement import Measurement
from bench.rounds import Run
from bench.targets import line
from bench.whole_system import whole_system


async def measure(run: Run) -> list[Measurement]:
    """Two lines a process, and two for the largest."""
    seconds = run.seconds * run.rounds
    async with whole_system(run.postgres) as system:
        at_rest = _megabytes(system.processes)
        people = await system.people(OWNERS)
        created = await making_cards(system, people).work(seconds)
        read = await reading_a_card(system, people[0]).work(seconds)
        after_load = _megabytes(system.processes)
    load = f"{created * seconds:,.0f} cards made and one read {read * seconds:,.0f} times"
    return [
        *_lines(at_rest, "at rest", "resident, when everything is ready"),
        *_lines(after_load, "after load", f"resident, after {load}"),
    ]


def _lines(megabytes: Mapping[str, float], when: str, conditions: str) -> list[Measurement]:
    figures = {"the largest process": max(megabytes.values()), **megabytes}
    return [
        line("memory", f"memory of {name}, {when}", figure, None, unit="MB", conditions=conditions)
        for name, figure in figures.items()
    ]


def _megabytes(processes: Mapping[str, Process]) -> dict[str, float]:
    return {name: _resident(running.child.pid) for name, running in processes.items()}


def _resident(pid: int) -> float:
    """Resident memory in MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(row.split()[1] for row in status.splitlines() if row.startswith("VmRSS"))
    return int(kilobytes) / 1024
