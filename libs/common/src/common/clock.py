"""Time is an argument: whoever needs it is handed a clock, and tests and the sandbox move it."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that stands still until it is moved forward."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it was moved to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward. Raises `ValueError` for a step back."""
        if by < timedelta(0):
            raise ValueError("a clock goes forward")
        self._now += by
