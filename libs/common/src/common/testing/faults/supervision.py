"""Processes that are started again when they end, as an orchestrator does it in production."""

import asyncio
import re
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from common.testing.processes import Process, forked

LOOK_SECONDS = 0.1
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class Service:
    """One process of a system: killed, paused, and started again under the same name."""

    def __init__(
        self, name: str, arguments: list[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.restarts = 0
        self.peak_kilobytes = 0
        self._arguments = arguments
        self.environment = environment
        self._output = folder / f"{name}.txt"
        self._stack = ExitStack()
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The id of the process that runs now."""
        return self._running.child.pid

    def start(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it; `extra` is added to its environment this once."""
        environment = {**self.environment, **(extra or {})}
        started = forked(self._arguments, environment, self._output)
        self._process = self._stack.enter_context(started)

    def keep_running(self) -> None:
        """From now on start it again whenever it ends, until `stop`."""
        self._keeper = asyncio.ensure_future(self._keep())

    def kill(self) -> None:
        """SIGKILL."""
        self._note_memory()
        self._running.kill()

    def pause(self) -> None:
        """SIGSTOP: it holds what it holds, and does nothing."""
        self._running.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process and self._process.child.poll() is None:
            self._process.child.send_signal(signal.SIGCONT)

    def ended_by(self) -> int | None:
        """Its exit code (a signal's is negative), or None while it runs."""
        return self._running.child.poll()

    def is_paused(self) -> bool:
        """Whether it has stopped by a signal."""
        with suppress(OSError):
            return ") T " in Path(f"/proc/{self.pid}/stat").read_text()
        return False

    async def stop(self) -> None:
        """Let it end, and do not start it again."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        if self._process is not None:
            self._note_memory()
            self.resume()
            await asyncio.to_thread(self._stack.close)
            self._process = None

    def said(self) -> str:
        """All that its incarnations have written."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    @property
    def _running(self) -> Process:
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    async def _keep(self) -> None:
        while True:
            self._note_memory()
            if self.ended_by() is not None:
                self.restarts += 1
                self.start()
            await asyncio.sleep(LOOK_SECONDS)

    def _note_memory(self) -> None:
        with suppress(OSError):
            found = _PEAK.search(Path(f"/proc/{self.pid}/status").read_text())
            if found:
                self.peak_kilobytes = max(self.peak_kilobytes, int(found[1]))
