"""What may be asked of a card. `actor_id` is who asks: another's card is as good as none."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cards.card_details import CardDetails, Visibility


@dataclass(frozen=True)
class CreateCard:
    """Make a card. `slug` is a fresh unguessable address for it."""

    card_id: UUID
    actor_id: UUID
    details: CardDetails
    slug: str
    now: datetime
    handle: str | None = None
    visibility: Visibility = "public"


@dataclass(frozen=True)
class ChangeCard:
    """Let the card say this instead: the given fields of `CardDetails`, the others stay.

    `changes` may also name `handle` and `visibility`.
    """

    card_id: UUID
    actor_id: UUID
    changes: tuple[tuple[str, object], ...]
    now: datetime


@dataclass(frozen=True)
class DeleteCard:
    """Put the card into the trash."""

    card_id: UUID
    actor_id: UUID
    now: datetime


@dataclass(frozen=True)
class RestoreCard:
    """Take the card out of the trash."""

    card_id: UUID
    actor_id: UUID
    now: datetime


@dataclass(frozen=True)
class RestoreAnyCard:
    """Take somebody's card out of the trash; for administrators (CP-15)."""

    card_id: UUID
    now: datetime


@dataclass(frozen=True)
class ShowPortrait:
    """Show the picture that the owner shows since `change_id`, or none."""

    card_id: UUID
    change_id: UUID
    shown: bool
    now: datetime


@dataclass(frozen=True)
class EraseCard:
    """Forget the card because its owner was erased."""

    card_id: UUID
    now: datetime


CardCommand = (
    CreateCard | ChangeCard | DeleteCard | RestoreCard | RestoreAnyCard | ShowPortrait | EraseCard
)
