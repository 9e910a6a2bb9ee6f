"""How long providers take to answer, and with what: one measurement a call."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import Histogram

SECONDS = Histogram(
    "cartulary_provider_call_seconds",
    "Calls to providers, by call and by what came of it",
    ["call", "result"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12, 30),
)


def begun(call: str) -> Callable[[str], None]:
    """A call begins. Tell what this returns its end: answered, declined, refused, unavailable."""
    since = perf_counter()
    return lambda result: SECONDS.labels(call, result).observe(perf_counter() - since)
