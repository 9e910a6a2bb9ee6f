"""Real processes for tests: started with an environment, waited for, ended by their id."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@dataclass
class Process:
    """One running process and where it writes."""

    popen: subprocess.Popen[bytes]
    output: Path

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 60) -> int:
        """Ask it to end and wait; its exit code. Raises `TimeoutExpired` if it does not."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(patience)

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
def program(command: list[str], environment: Mapping[str, str], output: Path) -> Iterator[Process]:
    """The same for any program."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with output.open("ab") as file, ExitStack() as stack:
        popen = subprocess.Popen(
            command,
            env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        started = Process(popen, output)
        stack.callback(_end, started)
        yield started


def _end(started: Process) -> None:
    try:
        started.stop()
    except subprocess.TimeoutExpired:
        started.kill()
