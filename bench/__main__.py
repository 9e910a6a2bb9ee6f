"""`python -m bench [names] [--json FILE] [--seconds N] [--rounds N] [--profile]`."""

import argparse
import asyncio
import cProfile
import os
import pstats
from collections.abc import Sequence
from pathlib import Path

import uvloop
from common.garbage import settle
from common.observability import configure_logging
from common.testing.faults.postgres_server import restartable_postgres

from bench.machine import machine
from bench.measurement import Measurement, conditions, table, write_json
from bench.rounds import Run
from bench.subjects import SUBJECTS
from bench.targets import missing

PROFILED_LINES = 40


def main() -> None:
    """Measure, print the table, keep the JSON; also of what was measured before something broke."""
    arguments = _arguments()
    configure_logging(level="error")
    settle()  # as every process of ours does
    profiler = cProfile.Profile() if arguments.profile else None
    measurements: list[Measurement] = []
    with restartable_postgres() as restartable:
        postgres = restartable.server
        run = Run(arguments.seconds, arguments.rounds, postgres, profiler)
        print("\n".join(asyncio.run(machine(postgres))), flush=True)
        try:
            for name in arguments.names:
                measurements += _measure(name, run)
        finally:
            print(f"\n{table(measurements)}\n\n{conditions(measurements)}", flush=True)
            if arguments.json and not profiler:
                write_json(measurements, arguments.json)
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(PROFILED_LINES)


def _measure(name: str, run: Run) -> Sequence[Measurement]:
    print(f"measuring {name}, at a load of {os.getloadavg()[0]:.1f} …", flush=True)
    subject = SUBJECTS[name]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measurements = runner.run(subject.measure(run))
    owed = missing(name, measurements)
    if owed:
        raise SystemExit(f"{name} did not measure: {', '.join(sorted(owed))}")
    return measurements


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(SUBJECTS))
    parser.add_argument("--json", type=Path, help="keep the lines in this file")
    parser.add_argument("--seconds", type=float, default=2, help="length of a round (2)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side (3)")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="show where our side spends its time; its figures are then too low",
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    arguments.names = arguments.names or list(SUBJECTS)
    elsewhere = [name for name in arguments.names if not SUBJECTS[name].in_process]
    if arguments.profile and elsewhere:
        parser.error(f"works in other processes, which no profiler sees: {', '.join(elsewhere)}")
    return arguments


if __name__ == "__main__":
    main()
