"""A card's past, read from its events: what was changed when, and what it said then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, assert_never

from cards.card_details import CardDetails
from cards.cards.decider import CARD, Card, CardState, TrashedCard
from cards.cards.events import (
    CardChanged,
    CardCreated,
    CardDeleted,
    CardErased,
    CardEvent,
    CardHandleChanged,
    CardPortraitChanged,
    CardRestored,
    CardVisibilityChanged,
)

What = Literal["created", "changed", "portrait_changed", "deleted", "restored", "erased"]


@dataclass(frozen=True)
class Change:
    """One field, before and after."""

    field: str
    before: object
    after: object


@dataclass(frozen=True)
class Moment:
    """One event of a card: what it did, and what the card says since."""

    version: int
    at: datetime
    what: What
    changes: tuple[Change, ...]
    details: CardDetails | None


def past(events: Sequence[CardEvent]) -> Iterator[Moment]:
    """The moments of a card, the oldest first."""
    state: CardState = CARD.initial
    said: dict[str, object] = {}
    for version, event in enumerate(events, start=1):
        state = CARD.evolve(state, event)
        says = _says(state)
        changes = tuple(
            Change(name, said.get(name), value)
            for name, value in says.items()
            if said.get(name) != value and (value or name in said)
        )
        at, what = _told(event)
        yield Moment(version, at, what, changes, _details(state))
        said = says


def _details(state: CardState) -> CardDetails | None:
    match state:
        case Card():
            return state.details
        case TrashedCard():
            return state.card.details
        case _:
            return None


def _says(state: CardState) -> dict[str, object]:
    card = state.card if isinstance(state, TrashedCard) else state
    if not isinstance(card, Card):
        return {}
    written = {field.name: getattr(card.details, field.name) for field in fields(card.details)}
    return {**written, "handle": card.handle, "visibility": card.visibility}


def _told(event: CardEvent) -> tuple[datetime, What]:
    match event:
        case CardCreated():
            return event.created_at, "created"
        case CardChanged() | CardHandleChanged() | CardVisibilityChanged():
            return event.changed_at, "changed"
        case CardPortraitChanged():
            return event.changed_at, "portrait_changed"
        case CardDeleted():
            return event.deleted_at, "deleted"
        case CardRestored():
            return event.restored_at, "restored"
        case CardErased():
            return event.erased_at, "erased"
        case _:
            assert_never(event)
