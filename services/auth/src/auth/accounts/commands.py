"""What may be asked of an account."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class RegisterAccount:
    """Open an account. The password has been checked and hashed already."""

    account_id: UUID
    email: str
    email_index: str
    username: str | None
    name: str | None
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class EraseAccount:
    """Forget the person; the password has been checked already."""

    account_id: UUID
    now: datetime


AccountCommand = RegisterAccount | EraseAccount
