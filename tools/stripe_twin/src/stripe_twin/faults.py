"""Faults on demand: the next so many calls of a path go wrong in a named way."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from stripe_twin.problems import ApiError

Kind = Literal["timeout", "rate_limit", "error", "error_after", "reset", "slow"]
"""What goes wrong.

`timeout`: the effect happens, the answer never comes. `reset`: the effect happens, the connection
breaks amid the answer. `error_after`: the effect happens, the answer is a 500, which is kept.
`rate_limit` and `error`: nothing happens, 429 or 500. `slow`: it takes `seconds`, then all is well.
"""
KINDS = get_args(Kind)
LONGEST = 3600.0


@dataclass
class Fault:
    """`times` calls of a method whose path begins with `path`."""

    kind: Kind
    path: str = "/v1/"
    method: str = "POST"
    times: int = 1
    seconds: float = LONGEST


@dataclass
class Faults:
    """The faults that are still to come, in order."""

    waiting: list[Fault] = field(default_factory=list)

    def next(self, method: str, path: str) -> Fault | None:
        """The fault that meets this call, used up once."""
        for fault in self.waiting:
            if fault.method == method and path.startswith(fault.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None


def refusal(fault: Fault | None) -> ApiError | None:
    """The answer of a fault that keeps the call from having any effect."""
    if fault is not None and fault.kind == "rate_limit":
        text = "Request rate limit exceeded."
        return ApiError(429, "invalid_request_error", text, code="rate_limit")
    if fault is not None and fault.kind == "error":
        return broken()
    return None


def broken() -> ApiError:
    """The answer when something is wrong on the twin's side."""
    return ApiError(500, "api_error", "An unknown error occurred.", kept=True)
