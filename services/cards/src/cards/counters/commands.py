"""What may be asked of a card's counters."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from cards.counters.events import Counts


@dataclass(frozen=True)
class CountVisits:
    """Add visitors who were not counted before on this day, in UTC."""

    card_id: UUID
    day: date
    counts: Counts


CountersCommand = CountVisits
