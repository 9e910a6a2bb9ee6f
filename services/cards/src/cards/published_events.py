"""What others may rely on of cards. No content: whoever shows a card asks for it."""

from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID

from common.messages import PublishedEvent

from cards.cards import events as facts
from cards.counters.events import VisitsCounted
from cards.exports.events import CardsExported


class CardCreated(PublishedEvent):
    """Somebody made a card."""

    type_name: ClassVar[str] = "cards.card_created.v1"

    card_id: UUID
    owner_id: UUID
    created_at: datetime


class CardChanged(PublishedEvent):
    """The card says something else now, has another address or picture, or is found by others."""

    type_name: ClassVar[str] = "cards.card_changed.v1"

    card_id: UUID
    changed_at: datetime


class CardDeleted(PublishedEvent):
    """The card can not be read any more, until it is restored."""

    type_name: ClassVar[str] = "cards.card_deleted.v1"

    card_id: UUID
    deleted_at: datetime


class CardRestored(PublishedEvent):
    """The card can be read again."""

    type_name: ClassVar[str] = "cards.card_restored.v1"

    card_id: UUID
    restored_at: datetime


class CardErased(PublishedEvent):
    """The card is gone for good, with its owner."""

    type_name: ClassVar[str] = "cards.card_erased.v1"

    card_id: UUID
    erased_at: datetime


def publish(event: Any) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    fact: facts.CardEvent | VisitsCounted | CardsExported = event
    match fact:
        case facts.CardCreated():
            return CardCreated(
                card_id=fact.card_id, owner_id=fact.owner_id, created_at=fact.created_at
            )
        case (
            facts.CardChanged()
            | facts.CardHandleChanged()
            | facts.CardVisibilityChanged()
            | facts.CardPortraitChanged()
        ):
            return CardChanged(card_id=fact.card_id, changed_at=fact.changed_at)
        case facts.CardDeleted():
            return CardDeleted(card_id=fact.card_id, deleted_at=fact.deleted_at)
        case facts.CardRestored():
            return CardRestored(card_id=fact.card_id, restored_at=fact.restored_at)
        case facts.CardErased():
            return CardErased(card_id=fact.card_id, erased_at=fact.erased_at)
        case VisitsCounted() | CardsExported():
            return None
        case _:
            assert_never(fact)
