"""A service that fails and fails is left alone for a while, then asked by one request.

Pure: the time is an argument, in seconds of any clock that only goes forward.
"""

from dataclasses import dataclass

FAILURES = 10
PAUSE_SECONDS = 5.0


@dataclass
class Breaker:
    """Opens after so many failures with no success between them."""

    failures: int = FAILURES
    pause: float = PAUSE_SECONDS
    _failed: int = 0
    _open_until: float | None = None
    _probing: bool = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._open_until is None:
            return "closed"
        return "half-open" if self._probing else "open"

    def lets_in(self, now: float) -> bool:
        """Whether a request may go on; once the pause is over, one at a time."""
        if self._open_until is None:
            return True
        if self._probing or now < self._open_until:
            return False
        self._probing = True
        return True

    def wait(self, now: float) -> float:
        """Seconds until another request may be let in."""
        return max(0.0, (self._open_until or now) - now)

    def succeeded(self) -> None:
        """The service answered."""
        self._failed, self._open_until, self._probing = 0, None, False

    def failed(self, now: float) -> None:
        """It did not."""
        self._failed += 1
        self._probing = False
        if self._failed >= self.failures:
            self._open_until = now + self.pause

    def unknown(self) -> None:
        """The request ended without telling; another one may try."""
        self._probing = False
