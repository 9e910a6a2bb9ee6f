"""Real processes for tests: started with an environment, waited for, ended by their id."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from random import randrange
from typing import Any, Protocol

import psutil

LOOK_SECONDS = 0.02
RUNNERS, PORTS_EACH = 8, 2_500
FIRST_PORT = 12_000
"""Below those that Linux gives to outgoing connections, from 32768 on."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on, nor is going to.

    It stays free until it is used: no outgoing connection gets it, and no other runner of tests.
    """
    for port in _own_ports():
        with suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports are gone through in a circle")


@cache
def _own_ports() -> Iterator[int]:
    """Each is had once before the first comes again."""
    runner = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % RUNNERS
    first = FIRST_PORT + runner * PORTS_EACH
    ports = range(first, first + PORTS_EACH, 2)  # an embedded run takes the next one, too
    begin = randrange(len(ports))  # not the last run's, whose connections may linger
    return cycle((*ports[begin:], *ports[:begin]))


class Child(Protocol):
    """What is used of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """The exit code (a signal's is negative), or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The same once it has ended. Raises `TimeoutExpired`."""

    def send_signal(self, sig: int) -> None:
        """Unless it has ended."""

    def kill(self) -> None:
        """SIGKILL."""


@dataclass
class Process:
    """One running process and where it writes."""

    child: Child
    output: Path

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self.child.kill()
        self.child.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 60) -> int:
        """Ask it to end and wait; its exit code. Raises `TimeoutExpired` if it does not."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(patience)

    def said(self) -> str:
        """What it has written so far."""
        return self.output.read_text(errors="replace")


@contextmanager
def process(
    arguments: list[str], environment: Mapping[str, str], output: Path
) -> Iterator[Process]:
    """`python <arguments>` with only PATH, HOME and `environment`; ended at the end."""
    with program([sys.executable, *arguments], environment, output) as started:
        yield started


@contextmanager
def forked(
    arguments: list[str],
    environment: Mapping[str, str],
    output: Path,
    *,
    later: Sequence[str] = (),
) -> Iterator[Process]:
    """`python -m <arguments>` likewise, without the seconds of a processor that its imports take.

    They were made once, by a server that forks: what the module imports, and what it imports
    `later`, while it runs. See `common.testing.fork_server`.
    """
    output.touch()  # it is read at once
    child = _fork_server().run(arguments, _own(environment), output, later)
    with _ended_with(child, output) as started:
        yield started


@contextmanager
def program(command: list[str], environment: Mapping[str, str], output: Path) -> Iterator[Process]:
    """The same for any program."""
    with output.open("ab") as file:
        popen = subprocess.Popen(
            command, env=_own(environment), stdout=file, stderr=subprocess.STDOUT
        )
    with _ended_with(popen, output) as started:
        yield started


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**inherited, "PYTHONUNBUFFERED": "1", **environment}


@contextmanager
def _ended_with(child: Child, output: Path) -> Iterator[Process]:
    started = Process(child, output)
    try:
        yield started
    finally:
        try:
            started.stop()
        except subprocess.TimeoutExpired:
            started.kill()


class _ForkServer:
    """Ours; should we be killed it ends as well, for its input does."""

    def __init__(self) -> None:
        command = (sys.executable, "-m", "common.testing.fork_server")
        self._popen = subprocess.Popen(
            command, env=_own({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lock = threading.Lock()

    def run(
        self,
        arguments: list[str],
        environment: dict[str, str],
        output: Path,
        later: Sequence[str],
    ) -> "_Forked":
        what = {"run": arguments, "environment": environment, "output": str(output.resolve())}
        return _Forked(self, self._answer({"needs": [arguments[0], *later], **what})["pid"])

    def ended(self, pid: int) -> int | None:
        code: int | None = self._answer({"ended": pid})["code"]
        return code

    def end(self) -> None:
        """Its input ends, and so does it."""
        self._popen.communicate()

    def _answer(self, request: Mapping[str, Any]) -> Any:
        with self._lock:
            stdin, stdout = self._popen.stdin, self._popen.stdout
            assert stdin is not None
            assert stdout is not None
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            return json.loads(stdout.readline())


@cache
def _fork_server() -> _ForkServer:
    server = _ForkServer()
    atexit.register(server.end)
    return server


class _Forked:
    """A child of the server's, which keeps its exit code until it is asked for."""

    def __init__(self, server: _ForkServer, pid: int) -> None:
        self.pid = pid
        self._server = server
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None and not self._is_alive():
            self._code = self._server.ended(self.pid)
        return self._code

    def _is_alive(self) -> bool:
        """Its supervisors ask ten times a second: the server is asked when there is an answer."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        return False

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(LOOK_SECONDS)  # as Popen does with a limit: no event tells of its end
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
