"""The rules of a card: pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, NotFound

from cards.card_details import CardDetails, Visibility
from cards.cards.commands import (
    CardCommand,
    ChangeCard,
    CreateCard,
    DeleteCard,
    EraseCard,
    RestoreAnyCard,
    RestoreCard,
    ShowPortrait,
)
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

RESERVED = frozenset(
    [
        *("about", "account", "accounts", "admin", "administrator", "api", "app", "auth"),
        *("billing", "blog", "card", "cards", "cartulary", "contact", "dashboard", "demo"),
        *("docs", "health", "help", "home", "info", "legal", "login", "logout", "mail", "me"),
        *("new", "news", "null", "official", "openapi", "pricing", "privacy", "profile"),
        *("register", "root", "security", "settings", "shop", "signup", "staff", "static"),
        *("status", "stripe", "support", "system", "team", "terms", "undefined", "user"),
        *("users", "view", "webmaster", "www"),
    ]
)
"""Handles that would pass for the house's own pages or people."""


class CardExists(Conflict):
    """This id is a card already."""

    code = "card_exists"
    detail = "There is a card with this id already."


class HandleReserved(Conflict):
    """The handle is the house's own, so nobody gets it."""

    code = "handle_reserved"
    detail = "This handle is reserved. Choose another."


@dataclass(frozen=True)
class NoCard:
    """Not made yet."""


@dataclass(frozen=True)
class Card:
    """A card that can be read. `portrait_change`: the last change of its owner's picture that it
    has heard of; what they showed before, it need not know."""

    card_id: UUID
    owner_id: UUID
    details: CardDetails
    slug: str
    handle: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    portrait_change: UUID | None = None


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
    """What follows from a command.

    Raises `CardExists`, `HandleReserved`, and `NotFound` also for another's card.
    """
    match command:
        case CreateCard():
            return _create(command, state)
        case ChangeCard():
            return _change(command, state)
        case DeleteCard():
            return _delete(command, state)
        case RestoreCard():
            return _restore(command, state)
        case RestoreAnyCard():
            return _restore_any(command, state)
        case ShowPortrait():
            return _show(command, state)
        case EraseCard():
            return _erase(command, state)
        case _:
            assert_never(command)


def _create(command: CreateCard, state: CardState) -> list[CardEvent]:
    if not isinstance(state, NoCard):
        raise CardExists
    return [
        CardCreated(
            card_id=command.card_id,
            owner_id=command.actor_id,
            details=command.details,
            slug=command.slug,
            handle=_allowed(command.handle),
            visibility=command.visibility,
            created_at=command.now,
        )
    ]


def _change(command: ChangeCard, state: CardState) -> list[CardEvent]:
    if not isinstance(state, Card) or state.owner_id != command.actor_id:
        raise NotFound
    changes = dict(command.changes)
    events: list[CardEvent] = []
    handle: Any = changes.pop("handle", state.handle)
    visibility: Any = changes.pop("visibility", state.visibility)
    details = replace(state.details, **changes)  # type: ignore[arg-type] # field names, checked by the route
    if details != state.details:
        events.append(CardChanged(state.card_id, state.owner_id, details, command.now))
    if handle != state.handle:
        chosen = _allowed(handle)
        events.append(CardHandleChanged(state.card_id, state.owner_id, chosen, command.now))
    if visibility != state.visibility:
        events.append(CardVisibilityChanged(state.card_id, visibility, command.now))
    return events


def _allowed(handle: str | None) -> str | None:
    if handle in RESERVED:
        raise HandleReserved
    return handle


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


def _restore_any(command: RestoreAnyCard, state: CardState) -> list[CardEvent]:
    match state:
        case TrashedCard():
            return [CardRestored(command.card_id, command.now)]
        case Card():
            return []
        case _:
            raise NotFound


def _show(command: ShowPortrait, state: CardState) -> list[CardEvent]:
    """Also for a card in the trash: its contact is another one when it is restored."""
    match state:
        case Card():
            seen = state.portrait_change
        case TrashedCard():
            seen = state.card.portrait_change
        case NoCard() | ErasedCard():
            return []
        case _:
            assert_never(state)
    id, change_id = command.card_id, command.change_id
    if seen == change_id:
        return []
    return [CardPortraitChanged(id, change_id, command.shown, command.now)]


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
            return Card(
                card_id=event.card_id,
                owner_id=event.owner_id,
                details=event.details,
                slug=event.slug,
                handle=event.handle,
                visibility=event.visibility,
                created_at=at,
                updated_at=at,
            )
        case CardChanged() | CardHandleChanged() | CardVisibilityChanged():
            return _changed(_live(state), event)
        case CardPortraitChanged():
            return _portrayed(state, event)
        case CardDeleted():
            return TrashedCard(_live(state), event.deleted_at)
        case CardRestored():
            assert isinstance(state, TrashedCard)
            return state.card
        case CardErased():
            return ErasedCard()
        case _:
            assert_never(event)


def _changed(card: Card, event: CardChanged | CardHandleChanged | CardVisibilityChanged) -> Card:
    at = event.changed_at
    match event:
        case CardChanged():
            return replace(card, details=event.details, updated_at=at)
        case CardHandleChanged():
            return replace(card, handle=event.handle, updated_at=at)
        case CardVisibilityChanged():
            return replace(card, visibility=event.visibility, updated_at=at)
        case _:
            assert_never(event)


def _portrayed(state: CardState, event: CardPortraitChanged) -> CardState:
    card = state.card if isinstance(state, TrashedCard) else _live(state)
    card = replace(card, portrait_change=event.change_id, updated_at=event.changed_at)
    return replace(state, card=card) if isinstance(state, TrashedCard) else card


def _live(state: CardState) -> Card:
    assert isinstance(state, Card)
    return state


CARD: Decider[CardCommand, CardState, CardEvent] = Decider("card", NoCard(), decide, evolve)
