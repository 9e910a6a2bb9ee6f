"""The rules of a card's counters on one day: pure.

A day is a stream of its own, so that a card that is looked at for years never has a long one.
"""

from dataclasses import dataclass, field, fields, replace
from datetime import date
from uuid import UUID, uuid5

from common.decider import Decider
from common.problems import Invalid

from cards.counters.commands import CountersCommand
from cards.counters.events import CountersEvent, Counts, VisitsCounted


class CountNegative(Invalid):
    """Visitors do not become fewer."""

    code = "count_negative"
    detail = "A counter only goes up."


@dataclass(frozen=True)
class CountersState:
    """What one day has come to."""

    counts: Counts = field(default_factory=Counts)


def counters_id(card_id: UUID, day: date) -> UUID:
    """The id of a card's counters on a day; the same in every process."""
    return uuid5(card_id, day.isoformat())


def decide(command: CountersCommand, state: CountersState) -> list[CountersEvent]:
    """One event for all that was counted together, none for nothing. Raises `CountNegative`."""
    numbers = [getattr(command.counts, kind.name) for kind in fields(Counts)]
    if min(numbers) < 0:
        raise CountNegative
    if not any(numbers):
        return []
    return [VisitsCounted(command.card_id, command.day, command.counts)]


def evolve(state: CountersState, event: CountersEvent) -> CountersState:
    """The state after one more event."""
    return replace(state, counts=state.counts + event.counts)


COUNTERS: Decider[CountersCommand, CountersState, CountersEvent] = Decider(
    "counters", CountersState(), decide, evolve
)
