"""What has happened to a card; stored for ever, what it says sealed under its owner's key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from common.facts import Personal, PersonalData, Subject

from cards.card_details import ERASED, CardDetails, Visibility

SealedDetails = Annotated[CardDetails, PersonalData(fallback=ERASED)]


@dataclass(frozen=True)
class CardCreated:
    """Somebody made a card. `slug` is its permanent address, `handle` one that its owner chose."""

    type_name: ClassVar[str] = "cards.card_created"
    schema: ClassVar[int] = 2

    card_id: UUID
    owner_id: Subject
    details: SealedDetails
    slug: str
    handle: Personal[str | None]
    visibility: Visibility
    created_at: datetime


@dataclass(frozen=True)
class CardChanged:
    """The card says something else now: `details` is all of it."""

    type_name: ClassVar[str] = "cards.card_changed"
    schema: ClassVar[int] = 2

    card_id: UUID
    owner_id: Subject
    details: SealedDetails
    changed_at: datetime


@dataclass(frozen=True)
class CardHandleChanged:
    """The card has another chosen address, or none; the one before is free for anybody."""

    type_name: ClassVar[str] = "cards.card_handle_changed"

    card_id: UUID
    owner_id: Subject
    handle: Personal[str | None]
    changed_at: datetime


@dataclass(frozen=True)
class CardVisibilityChanged:
    """Others than before find the card."""

    type_name: ClassVar[str] = "cards.card_visibility_changed"

    card_id: UUID
    visibility: Visibility
    changed_at: datetime


@dataclass(frozen=True)
class CardPortraitChanged:
    """The card shows another picture of its owner, or none. The picture is not in here: it is the
    owner's, for all their cards, and stands beside the log. `change_id` tells changes apart."""

    type_name: ClassVar[str] = "cards.card_portrait_changed"

    card_id: UUID
    change_id: UUID
    shown: bool
    changed_at: datetime


@dataclass(frozen=True)
class CardDeleted:
    """The card was put into the trash."""

    type_name: ClassVar[str] = "cards.card_deleted"

    card_id: UUID
    deleted_at: datetime


@dataclass(frozen=True)
class CardRestored:
    """The card was taken out of the trash."""

    type_name: ClassVar[str] = "cards.card_restored"

    card_id: UUID
    restored_at: datetime


@dataclass(frozen=True)
class CardErased:
    """The card's owner was erased; nobody can read the card's content any more."""

    type_name: ClassVar[str] = "cards.card_erased"

    card_id: UUID
    erased_at: datetime


CardEvent = (
    CardCreated
    | CardChanged
    | CardHandleChanged
    | CardVisibilityChanged
    | CardPortraitChanged
    | CardDeleted
    | CardRestored
    | CardErased
)


def _created_with_an_address(data: dict[str, Any]) -> dict[str, Any]:
    """Before there were slugs a card's address was its id, and everybody might see it."""
    slug = data["card_id"]
    return {**_with_lists(data), "slug": slug, "handle": None, "visibility": "public"}


def _with_lists(data: dict[str, Any]) -> dict[str, Any]:
    """What a card said before it could have several numbers and a look of its own."""
    more: dict[str, Any] = {"phones": [], "emails": [], "addresses": [], "links": []}
    more |= {"theme": "ink", "accent": None}
    details = data["details"]
    return {**data, "details": details and {**details, **more}}


UPCASTERS = {
    (CardCreated.type_name, 1): _created_with_an_address,
    (CardChanged.type_name, 1): _with_lists,
}
