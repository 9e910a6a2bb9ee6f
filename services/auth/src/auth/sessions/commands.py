"""What may be asked of a session."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class StartSession:
    """Begin after a password was checked. `secret` is 32 new random bytes in base64url."""

    session_id: UUID
    account_id: UUID
    secret: str
    device: str
    place: str
    now: datetime


@dataclass(frozen=True)
class RefreshSession:
    """Exchange the token numbered `counter`; `proof` shows that it is one of ours."""

    session_id: UUID
    counter: int
    proof: bytes
    now: datetime


@dataclass(frozen=True)
class EndSession:
    """Let none of its tokens count any more. `owner` is whose session it must be, None anybody's.

    `reason` is one of those that `SessionEnded` lists.
    """

    session_id: UUID
    owner: UUID | None
    reason: str
    by: UUID | None
    now: datetime


SessionCommand = StartSession | RefreshSession | EndSession
