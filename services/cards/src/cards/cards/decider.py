"""The rules of a card: pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, NotFound

from cards.cards.commands import (
    CardCommand,
    ChangeCard,
    CreateCard,
    DeleteCard,
    EraseCard,
    RestoreCard,
)
from cards.cards.events import (
    CardChanged,
    CardCreated,
    CardDeleted,
    CardDetails,
    CardErased,
    CardEvent,
    CardRestored,
)


class CardExists(Conflict):
    """This id is a card already."""

    code = "card_exists"
    detail = "There is a card with this id already."


@dataclass(frozen=True)
class NoCard:
    """Not made yet."""


@dataclass(frozen=True)
class Card:
    """A card that can be read."""

    card_id: UUID
    owner_id: UUID
    details: CardDetails
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class TrashedCard:
    """A card in the trash: for everybody but its owner's restore there is none."""

    card: Card
    deleted_at: datetime


@dataclass(frozen=True)
class ErasedCard:
    """A card whose owner was erased."""


CardState = NoCard | Card | TrashedCard | ErasedCard


def decide(command: CardCommand, state: CardState) -> list[CardEvent]:
    """What follows from a command. Raises `CardExists`, and `NotFound` also for another's card."""
    match command:
        case CreateCard():
            return _create(command, state)
        case ChangeCard():
            return _change(command, state)
        case DeleteCard():
            return _delete(command, state)
        case RestoreCard():
            return _restore(command, state)
        case EraseCard():
            return _erase(command, state)
        case _:
            assert_never(command)


def _create(command: CreateCard, state: CardState) -> list[CardEvent]:
    if not isinstance(state, NoCard):
        raise CardExists
    return [CardCreated(command.card_id, command.actor_id, command.details, command.now)]


def _change(command: ChangeCard, state: CardState) -> list[CardEvent]:
    if not isinstance(state, Card) or state.owner_id != command.actor_id:
        raise NotFound
    details = replace(state.details, **dict(command.changes))  # type: ignore[arg-type] # field names, checked by the route
    if details == state.details:
        return []
    return [CardChanged(command.card_id, state.owner_id, details, command.now)]


def _delete(command: DeleteCard, state: CardState) -> list[CardEvent]:
    match state:
        case Card() if state.owner_id == command.actor_id:
            return [CardDeleted(command.card_id, command.now)]
        case TrashedCard() if state.card.owner_id == command.actor_id:
            return []
        case _:
            raise NotFound


def _restore(command: RestoreCard, state: CardState) -> list[CardEvent]:
    match state:
        case TrashedCard() if state.card.owner_id == command.actor_id:
            return [CardRestored(command.card_id, command.now)]
        case Card() if state.owner_id == command.actor_id:
            return []
        case _:
            raise NotFound


def _erase(command: EraseCard, state: CardState) -> list[CardEvent]:
    match state:
        case Card() | TrashedCard():
            return [CardErased(command.card_id, command.now)]
        case NoCard() | ErasedCard():
            return []
        case _:
            assert_never(state)


def evolve(state: CardState, event: CardEvent) -> CardState:
    """The state after one more event."""
    match event:
        case CardCreated():
            at = event.created_at
            return Card(event.card_id, event.owner_id, event.details, at, at)
        case CardChanged():
            return replace(_live(state), details=event.details, updated_at=event.changed_at)
        case CardDeleted():
            return TrashedCard(_live(state), event.deleted_at)
        case CardRestored():
            assert isinstance(state, TrashedCard)
            return state.card
        case CardErased():
            return ErasedCard()
        case _:
            assert_never(event)


def _live(state: CardState) -> Card:
    assert isinstance(state, Card)
    return state


CARD: Decider[CardCommand, CardState, CardEvent] = Decider("card", NoCard(), decide, evolve)
