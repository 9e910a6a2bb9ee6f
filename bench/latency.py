"""From a commit in one service to the commit of its effect in another, at a steady pace."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from common.kernel import Kernel
from common.testing.processes import Process, process
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

from bench.bare_messages import EVENTS_A_SECOND, at_a_pace, bare_message_waits
from bench.example_store import append, example_store, history
from bench.latency_processes import READY
from bench.measurement import Measurement, Reference
from bench.queues import PARTITIONS, BenchQueues, bench_queues
from bench.rounds import Run
from bench.targets import line

WARM_UP_SECONDS = 2
PERCENTILES = (50, 99)


async def measure(run: Run) -> list[Measurement]:
    """The lines about latency. Each side lasts as long as all rounds of another measurement."""
    seconds = run.seconds * run.rounds
    async with bench_queues() as queues, example_store(run.postgres, connections=8) as kernel:
        bare = _percentiles(await bare_message_waits(queues, seconds))
        with _workers(run, queues, kernel) as (relay, consumer):
            await eventually(lambda: _said(READY, relay, consumer), within=60, what="both workers")
            await _commit_at_a_pace(kernel, WARM_UP_SECONDS)
            committed = await _commit_at_a_pace(kernel, seconds)
            await eventually(lambda: _heard_all(consumer, committed), within=60, what="all effects")
            heard = _heard(consumer)
        server = queues.server
    ours = _percentiles([heard[stream] - at for stream, at in committed.items()])
    conditions = (
        f"{EVENTS_A_SECOND}/s for {seconds:g} s, each by itself; events committed by a third "
        f"process, a relaying and a consuming worker, {PARTITIONS} quorum queues, {server}; bare: "
        "published, confirmed and received by one process over the same queues, before"
    )
    return [
        line(
            "latency",
            f"commit to effect elsewhere, p{n}",
            ours[n],
            Reference(f"a bare message, p{n}", bare[n]),
            unit="ms",
            conditions=conditions,
        )
        for n in PERCENTILES
    ]


def _percentiles(nanoseconds: Sequence[int]) -> Mapping[int, float]:
    """In milliseconds."""
    cuts = quantiles(nanoseconds, n=100)
    return {n: cuts[n - 1] / 1e6 for n in PERCENTILES}


@contextmanager
def _workers(run: Run, queues: BenchQueues, kernel: Kernel) -> Iterator[tuple[Process, Process]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "AMQP_URL": stack.enter_context(rabbitmq()),
            "PARTITIONS": str(PARTITIONS),
            "EXCHANGE": queues.topology.exchange,
            "GROUP": queues.group,
            "DATABASE_URL": kernel.database.dsn,
            "SOCKET_FOLDER": run.postgres.socket_folder,
        }
        relay, consumer = (
            stack.enter_context(
                process(["-m", "bench.latency_processes", role], environment, folder / role)
            )
            for role in ("relay", "consumer")
        )
        yield relay, consumer


async def _commit_at_a_pace(kernel: Kernel, seconds: float) -> Mapping[str, int]:
    """When each stream's event was committed, by the monotonic clock."""
    author = uuid4()
    first = uuid4()
    await append(kernel, first, history(first, author, 1))  # which makes the author's key
    committed: dict[str, int] = {}

    async def commit(n: int) -> None:
        note_id = uuid4()
        await append(kernel, note_id, history(note_id, author, 1))
        committed[f"note-{note_id}"] = time.monotonic_ns()

    await at_a_pace(int(seconds * EVENTS_A_SECOND), EVENTS_A_SECOND, commit)
    return committed


async def _said(word: str, *processes: Process) -> bool:
    for running in processes:
        assert running.child.poll() is None, running.said()
    return all(word in running.said().splitlines() for running in processes)


async def _heard_all(consumer: Process, committed: Mapping[str, int]) -> bool:
    return committed.keys() <= _heard(consumer).keys()


def _heard(consumer: Process) -> dict[str, int]:
    """When each stream's effect was committed. The last line may be half written."""
    lines = consumer.said().splitlines(keepends=True)
    told = (line.split() for line in lines if line.startswith("note-") and line.endswith("\n"))
    return {stream: int(at) for stream, at in told}
