"""Writers at work while faults of every kind strike, in an order that a seed decides.

Two lanes of faults run side by side, one for processes and one for what is between and below them,
so that they also meet. Each lane goes through all its kinds before it repeats one.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from uuid import uuid4

import asyncpg

from common.database import OUTCOME_UNKNOWN
from common.testing.example import NOTE, WriteNote
from common.testing.faults.invariants import Findings, inspect, quiet
from common.testing.faults.supervision import Service
from common.testing.faults.system import System
from common.testing.faults.writers import ApiError
from common.testing.kernel import cause
from common.testing.waiting import eventually

WRITERS = 6
Window = tuple[float, float]


@dataclass
class Weather:
    """What struck, and when the database was away: only then may an API answer with an error."""

    struck: Counter[str] = field(default_factory=Counter)
    database_away: list[Window] = field(default_factory=list)

    def excuses(self, error: ApiError) -> bool:
        """Whether the database was away while the request was under way."""
        return any(began <= error.ended and error.began <= end for began, end in self.database_away)


@dataclass(frozen=True)
class Report:
    """What a storm has shown."""

    seed: int
    seconds: float
    weather: Weather
    findings: Findings
    answered: int
    replayed: int
    unanswered: int
    restarts: int
    errors_excused: int
    errors: list[ApiError]
    gaps: int
    peak_megabytes: Mapping[str, int]

    def __str__(self) -> str:
        """A small table."""
        findings = self.findings
        struck = ", ".join(f"{name} {n}" for name, n in sorted(self.weather.struck.items()))
        memory = ", ".join(f"{name} {n}" for name, n in self.peak_megabytes.items())
        rows = {
            "seed, seconds": f"{self.seed}, {self.seconds:.0f}",
            "faults injected": f"{self.weather.struck.total()} ({struck})",
            "processes started again": self.restarts,
            "requests answered": f"{self.answered} ({self.replayed} by what a first try had done)",
            "requests cut off, repeated": self.unanswered,
            "events written": f"{findings.events}, of them public {findings.public}",
            "effects": findings.effects,
            "lost": len(findings.lost),
            "doubled": len(findings.doubled),
            "reordered": len(findings.reordered),
            "gaps noticed and closed": self.gaps,
            "other flaws": len(findings.flaws),
            "API errors, database away": self.errors_excused,
            "API errors, database there": len(self.errors),
            "peak memory, MiB": memory,
        }
        return "\n".join(f"{name:<28}{value}" for name, value in rows.items())


class Storm:
    """One run over one system."""

    def __init__(self, system: System, seed: int, seconds: float) -> None:
        self._system = system
        self._seed = seed
        self._seconds = seconds
        # a generator for each lane: the other's pace must not change what this one draws
        self._for_processes, self._for_servers = Random(seed), Random(seed + 1)
        self._weather = Weather()

    async def rage(self) -> Report:
        """Write and strike for the time, heal, wait for quiet, and look."""
        enough = asyncio.Event()
        system = self._system
        before = _counts(system)
        async with asyncio.TaskGroup() as writing:  # nobody writes on where the storm itself fails
            for n in range(WRITERS):
                writing.create_task(system.writer(self._seed + n).write_until(enough))
            await asyncio.gather(
                self._lane(self._at_processes(), self._for_processes),
                self._lane(self._at_servers(), self._for_servers),
            )
            enough.set()
        await system.ready()
        await quiet(system)
        return self._report(before, await inspect(system))

    def _report(self, before: Mapping[str, int], findings: Findings) -> Report:
        system = self._system
        counts = {name: n - before[name] for name, n in _counts(system).items()}
        errors = system.ledger.errors[before["errors"] :]
        unexcused = [error for error in errors if not self._weather.excuses(error)]
        return Report(
            seed=self._seed,
            seconds=self._seconds,
            weather=self._weather,
            findings=findings,
            answered=counts["answered"],
            replayed=counts["replayed"],
            unanswered=counts["unanswered"],
            restarts=counts["restarts"],
            errors_excused=len(errors) - len(unexcused),
            errors=unexcused,
            gaps=counts["gaps"],
            peak_megabytes={one.name: one.peak_kilobytes // 1024 for one in system.services},
        )

    async def _lane(self, kinds: Mapping[str, Callable[[], Awaitable[None]]], dice: Random) -> None:
        end = time.monotonic() + self._seconds
        while True:
            for name in dice.sample(sorted(kinds), len(kinds)):
                await asyncio.sleep(dice.uniform(0.2, 2))
                if time.monotonic() > end:
                    return
                self._weather.struck[name] += 1
                await kinds[name]()

    def _at_processes(self) -> dict[str, Callable[[], Awaitable[None]]]:
        system = self._system
        return {
            "API killed": lambda: self._kill(system.apis),
            "relay killed": lambda: self._kill(system.relays),
            "reader killed": lambda: self._kill(system.readers),
            "process paused": self._pause,
            "leader paused": self._pause_the_leader,
        }

    def _at_servers(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "broker stopped": self._stop_the_broker,
            "broker partitioned": self._partition,
            "connections cut": self._cut,
            "database restarted": self._restart_the_database,
            "transaction stuck": self._stick,
        }

    async def _kill(self, services: Sequence[Service]) -> None:
        self._for_processes.choice(services).kill()

    async def _pause(self) -> None:
        service = self._for_processes.choice(self._system.services)
        service.pause()
        await asyncio.sleep(self._for_processes.uniform(0.5, 6))
        service.resume()

    async def _pause_the_leader(self) -> None:
        """Until another has taken over; with the database away that may be long after."""
        leader = await self._system.leader()
        leader.pause()

        async def another_leads() -> bool:
            return await self._system.leader() is not leader

        await eventually(another_leads, within=90, what="another leader")
        leader.resume()

    async def _stop_the_broker(self) -> None:
        await asyncio.to_thread(self._system.node.stop)
        await asyncio.sleep(self._for_servers.uniform(0, 4))
        await asyncio.to_thread(self._system.node.start)

    async def _partition(self) -> None:
        self._system.wire.partition()
        await asyncio.sleep(self._for_servers.uniform(1, 14))
        self._system.wire.heal()

    async def _cut(self) -> None:
        self._system.wire.cut()

    async def _restart_the_database(self) -> None:
        began = time.monotonic()
        await asyncio.to_thread(self._system.postgres.stop)
        await asyncio.sleep(self._for_servers.uniform(0, 2))
        await asyncio.to_thread(self._system.postgres.start)
        self._weather.database_away.append((began, time.monotonic()))

    async def _stick(self) -> None:
        """A writer that has appended and stands still: followers wait, writers do not."""
        id = uuid4()
        with suppress(*OUTCOME_UNKNOWN, asyncpg.PostgresError, _LetGo):
            async with self._system.notes.database.transaction() as transaction:
                command = WriteNote(id, id, str(id), "stuck")
                commands = self._system.notes.commands
                await commands.handle_in(transaction, NOTE, id, command, cause())
                await asyncio.sleep(self._for_servers.uniform(1, 5))
                raise _LetGo


def _counts(system: System) -> dict[str, int]:
    """What has been counted since the system was started."""
    ledger = system.ledger
    return {
        "answered": ledger.answered,
        "replayed": ledger.replayed,
        "unanswered": ledger.unanswered.total(),
        "errors": len(ledger.errors),
        "restarts": sum(service.restarts for service in system.services),
        "gaps": sum(service.said().count("gap_found") for service in system.readers),
    }


class _LetGo(Exception):
    """Rolls the stuck transaction back."""
