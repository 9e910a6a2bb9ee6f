"""What has happened to a session: one login on one device, a family of refresh tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from common.facts import Personal, Subject


@dataclass(frozen=True)
class SessionStarted:
    """Somebody logged in. Every refresh token of the session is derived from `secret`.

    `place` is coarse: the block of addresses that the client came from.
    """

    type_name: ClassVar[str] = "auth.session_started"

    session_id: UUID
    account_id: Subject
    secret: Personal[str]
    device: Personal[str]
    place: Personal[str]
    started_at: datetime


@dataclass(frozen=True)
class SessionRefreshed:
    """The refresh token numbered `counter - 1` was exchanged for the one numbered `counter`."""

    type_name: ClassVar[str] = "auth.session_refreshed"

    session_id: UUID
    account_id: UUID
    counter: int
    refreshed_at: datetime


@dataclass(frozen=True)
class RefreshTokenReused:
    """A token that had been exchanged long ago came again: somebody holds a copy."""

    type_name: ClassVar[str] = "auth.refresh_token_reused"

    session_id: UUID
    account_id: UUID
    counter: int
    reused_at: datetime


@dataclass(frozen=True)
class SessionEnded:
    """None of the session's tokens counts any more. `by` is who ended it, None the system.

    `reason`: `logout`, `ended_by_user`, `ended_by_admin`, `token_reused`, `password_changed`,
    `email_restored`, `roles_changed`, `suspended`, `erased`.
    """

    type_name: ClassVar[str] = "auth.session_ended"

    session_id: UUID
    account_id: UUID
    reason: str
    by: UUID | None
    ended_at: datetime


SessionEvent = SessionStarted | SessionRefreshed | RefreshTokenReused | SessionEnded
