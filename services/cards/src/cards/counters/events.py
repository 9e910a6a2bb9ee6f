"""What was counted of a card; nothing in here tells who came."""

from dataclasses import dataclass, fields
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

Kind = Literal["views", "scans", "downloads", "clicks"]
"""What a visitor did: saw the page, came by the QR code, saved the contact, followed a link."""


@dataclass(frozen=True)
class Counts:
    """How many visitors did what; a visitor counts once a day for each of the four."""

    views: int = 0
    scans: int = 0
    downloads: int = 0
    clicks: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        names = [field.name for field in fields(self)]
        return Counts(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True)
class VisitsCounted:
    """So many more visitors since the last time; `day` is a day in UTC."""

    type_name: ClassVar[str] = "cards.visits_counted"

    card_id: UUID
    day: date
    counts: Counts


CountersEvent = VisitsCounted
