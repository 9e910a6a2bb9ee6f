"""One decision: what the decider says, what the caller has seen, and that it is counted."""

from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import Counter

from common.decider import CommandT, Decider, EventT, StateT
from common.problems import Forbidden, NotFound, PreconditionFailed, Refusal

COMMANDS = Counter(
    "cartulary_commands_total",
    "Commands by what was decided: done, repeated (it was already so), refused",
    ["service", "command", "outcome"],
)


def decided(
    service: str,
    decider: Decider[CommandT, StateT, EventT],
    command: CommandT,
    state: StateT,
    *,
    stale: bool,
) -> Sequence[EventT]:
    """What follows from the command. `stale`: the caller saw another version of the state.

    Raises the decider's refusals, and `PreconditionFailed` to who may know of a newer version.
    """
    name = type(command).__name__
    try:
        events = _decide(decider, command, state, stale)
    except Refusal:
        _counter(service, name, "refused").inc()
        raise
    _counter(service, name, "done" if events else "repeated").inc()
    return events


def _decide(
    decider: Decider[CommandT, StateT, EventT], command: CommandT, state: StateT, stale: bool
) -> Sequence[EventT]:
    """Decide; a caller who saw an older version hears that first, unless he may not know of it."""
    try:
        events = decider.decide(command, state)
    except (NotFound, Forbidden):
        raise
    except Refusal:
        if stale:
            raise PreconditionFailed from None
        raise
    if stale:
        raise PreconditionFailed
    return events


@lru_cache(maxsize=1024)
def _counter(service: str, command: str, outcome: str) -> Counter:
    """Bound once: the labels' look-up costs more than the count."""
    return COMMANDS.labels(service, command, outcome)
