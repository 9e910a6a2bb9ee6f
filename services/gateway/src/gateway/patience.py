"""Looks after everybody who waits with one timer: setting one for each call, and again for each
piece of its answer, cost a sixth of what a call costs."""

import asyncio
from math import inf
from typing import Protocol


class Waiting(Protocol):
    """Somebody who waits, and for whom something is due from time to time."""

    def look(self, now: float) -> float:
        """Do what is due; when to look again. Times are the loop's, in seconds."""
        ...


class Patience:
    """Looks at each of those who wait when they are due, and at times sooner."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf

    def begin(self, one: Waiting, due: float) -> None:
        """From now on, for the first time when it is `due`."""
        self._waiting.add(one)
        if due < self._due:
            self._set(due)

    def end(self, one: Waiting) -> None:
        """No more."""
        self._waiting.discard(one)

    def close(self) -> None:
        """Look at nobody any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer, self._due = None, inf
        now = self._loop.time()
        due = min([one.look(now) for one in tuple(self._waiting)], default=inf)
        if due < inf:
            self._set(due)
