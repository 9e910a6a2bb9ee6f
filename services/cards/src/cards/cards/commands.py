"""What may be asked of a card. `actor_id` is who asks: another's card is as good as none."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cards.cards.events import CardDetails


@dataclass(frozen=True)
class CreateCard:
    """Make a card."""

    card_id: UUID
    actor_id: UUID
    details: CardDetails
    now: datetime


@dataclass(frozen=True)
class ChangeCard:
    """Let the card say this instead: the given fields of `CardDetails`, the others stay."""

    card_id: UUID
    actor_id: UUID
    changes: tuple[tuple[str, str | None], ...]
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
class EraseCard:
    """Forget the card because its owner was erased."""

    card_id: UUID
    now: datetime


CardCommand = CreateCard | ChangeCard | DeleteCard | RestoreCard | EraseCard
