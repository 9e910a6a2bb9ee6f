"""What may be asked of a profile. Pictures have been checked, re-encoded and put away already."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class ChangeProfile:
    """Set these fields of `ProfileDetails`; what is not named stays. Of `preferences` those named
    are set, or dropped where they are None."""

    account_id: UUID
    changes: tuple[tuple[str, Any], ...]
    now: datetime
    preferences: tuple[tuple[str, str | bool | int | None], ...] = ()


@dataclass(frozen=True)
class SetAvatar:
    """Show this picture. `portrait` is the small one for others to keep: a JPEG in base64."""

    account_id: UUID
    picture_id: UUID
    portrait: str
    now: datetime


@dataclass(frozen=True)
class RemoveAvatar:
    """Show no picture."""

    account_id: UUID
    now: datetime


@dataclass(frozen=True)
class EraseProfile:
    """The account is being erased."""

    account_id: UUID
    now: datetime


ProfileCommand = ChangeProfile | SetAvatar | RemoveAvatar | EraseProfile
