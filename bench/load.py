"""Load over HTTP from a process of its own: by `wrk` where it is installed, else by our own."""

import asyncio
import json
import math
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

CONNECTIONS = 32
PATIENCE_SECONDS = 10


class LoadFailed(Exception):
    """Something else than answers of 200 to 399 came back, so the figure would mean nothing."""


@dataclass(frozen=True)
class Request:
    """What is asked again and again over kept-alive connections.

    `callers` are values of the header Authorization that take turns. Each connection waits for
    `pause` milliseconds before it asks again.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    callers: Sequence[str] = ()
    pause: int = 0


def tool() -> str:
    """What puts the load on, for a line's conditions."""
    return "wrk, one thread" if shutil.which("wrk") else "bench.load_generator"


async def answers_a_second(request: Request, seconds: float) -> float:
    """The rate over so many connections (whole seconds with wrk). Raises `LoadFailed`."""
    if shutil.which("wrk"):
        return await _by_wrk(request, seconds)
    order = json.dumps(asdict(request))
    said = await _output(
        sys.executable, "-m", "bench.load_generator", str(CONNECTIONS), str(seconds), order
    )
    return float(said)


async def _by_wrk(request: Request, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_lua(request))
        script.flush()
        said = await _wrk(CONNECTIONS, seconds, script.name, request.url)
    return rate_told_by_wrk(said)


async def _wrk(connections: int, seconds: float, script: str, url: str, *more: str) -> str:
    arguments = ["-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s"]
    patience = f"--timeout={PATIENCE_SECONDS}s"
    return await _output("wrk", *arguments, patience, *more, "-s", script, url)


@dataclass(frozen=True)
class Waits:
    """How long answers took, in milliseconds."""

    p50: float
    p99: float


async def waits(request: Request, connections: int, seconds: float) -> Waits:
    """What so many clients that ask one thing after another wait. Raises `LoadFailed`."""
    if shutil.which("wrk"):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(_lua(request))
            script.flush()
            said = await _wrk(connections, seconds, script.name, request.url, "--latency")
        return waits_told_by_wrk(said)
    order = json.dumps(asdict(request))
    arguments = [str(connections), str(seconds), order, "waits"]
    said = await _output(sys.executable, "-m", "bench.load_generator", *arguments)
    return Waits(**json.loads(said))


def waits_told_by_wrk(said: str) -> Waits:
    """The percentiles of its report. Raises `LoadFailed` as `rate_told_by_wrk` does."""
    rate_told_by_wrk(said)
    p50, p99 = (
        float(found[1]) * _MILLISECONDS[found[2]]
        for percent in ("50", "99")
        if (found := re.search(rf"\s{percent}%\s+([\d.]+)(us|ms|s)\b", said))
    )
    return Waits(p50, p99)


_MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def rate_told_by_wrk(said: str) -> float:
    """The figure of its report. Raises `LoadFailed` when it reports anything but good answers."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if rate is None or "Non-2xx" in said or "Socket errors" in said:
        raise LoadFailed(said)
    return float(rate.group(1))


def _lua(request: Request) -> str:
    lines = [f"wrk.method = {json.dumps(request.method)}"]
    lines += [
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}"
        for name, value in request.headers.items()
    ]
    if request.body:
        lines.append(f"wrk.body = [==[{request.body}]==]")
    if request.callers:
        lines.append(f"local callers = {{{', '.join(map(json.dumps, request.callers))}}}")
        lines.append(_IN_TURN)
    if request.pause:
        lines.append(f"delay = function() return {request.pause} end")
    return "\n".join(lines)


_IN_TURN = """
local requests, n = {}, 0
init = function(arguments)
  for i, caller in ipairs(callers) do
    wrk.headers["Authorization"] = caller
    requests[i] = wrk.format()
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end"""


async def _output(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(*arguments, stdout=PIPE, stderr=PIPE)
    said, complained = await process.communicate()
    if process.returncode:
        raise LoadFailed(complained.decode())
    return said.decode()
