"""What has happened to a card; stored for ever, its content sealed under its owner's key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from common.facts import PersonalData, Subject


@dataclass(frozen=True)
class CardDetails:
    """What stands on a card."""

    name: str
    title: str
    email: str
    phone: str | None = None
    company: str | None = None
    website: str | None = None
    linkedin: str | None = None
    instagram: str | None = None
    bio: str | None = None
    address: str | None = None


ERASED = CardDetails(name="", title="", email="")
"""What a card says once its owner was erased."""

SealedDetails = Annotated[CardDetails, PersonalData(fallback=ERASED)]


@dataclass(frozen=True)
class CardCreated:
    """Somebody made a card."""

    type_name: ClassVar[str] = "cards.card_created"

    card_id: UUID
    owner_id: Subject
    details: SealedDetails
    created_at: datetime


@dataclass(frozen=True)
class CardChanged:
    """The card says something else now: `details` is all of it."""

    type_name: ClassVar[str] = "cards.card_changed"

    card_id: UUID
    owner_id: Subject
    details: SealedDetails
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


CardEvent = CardCreated | CardChanged | CardDeleted | CardRestored | CardErased
