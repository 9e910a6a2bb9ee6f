"""`make run` on a machine that is set up: until everything answers."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import aiohttp
from common.testing.processes import free_port, process
from common.testing.waiting import eventually

from bench.measurement import Measurement
from bench.rounds import Run
from bench.targets import line


async def measure(run: Run) -> list[Measurement]:
    """The line about the start; the first start, which sets up, does not count."""
    with tempfile.TemporaryDirectory(prefix="cartulary-bench-") as folder:
        var = Path(folder)
        with _started(var, var / "output.txt") as url:
            await _until_healthy(url)
            await eventually(lambda: _exists(var / "demo.json"), within=60, what="the demo company")
        seconds = [await _seconds_to_first_answer(var) for _ in range(run.rounds)]
    conditions = (
        "`cartulary run`, as `make run` does it: process, PostgreSQL, services, workers, until "
        f"/health says ok; data of an earlier run; median of {run.rounds} starts"
    )
    return [
        line(
            "start", "start to first answer", median(seconds), None, unit="s", conditions=conditions
        )
    ]


async def _seconds_to_first_answer(var: Path) -> float:
    start = time.perf_counter()
    with _started(var, var / "output.txt") as url:
        await _until_healthy(url)
        return time.perf_counter() - start


@contextmanager
def _started(var: Path, output: Path) -> Iterator[str]:
    port = free_port()
    environment = {"PORT": str(port), "VAR_DIR": str(var)}
    with process(["-m", "cartulary.main", "run"], environment, output):
        yield f"http://127.0.0.1:{port}"


async def _until_healthy(url: str) -> None:
    async def healthy() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as response:
            return response.status == 200

    await eventually(healthy, within=60, what="the embedded run")


async def _exists(path: Path) -> bool:
    return path.exists()  # noqa: ASYNC240
