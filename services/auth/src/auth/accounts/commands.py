"""What may be asked of an account. Passwords have been checked and hashed, links authenticated."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.facts import Unset

from auth.addresses.commands import AddressCommand


@dataclass(frozen=True)
class RegisterAccount:
    """Open an account."""

    account_id: UUID
    email: str
    email_index: str
    username: str | None
    name: str | None
    locale: str
    password_hash: str
    verification_id: UUID
    now: datetime


@dataclass(frozen=True)
class ChangePassword:
    """Replace the password; the current one has been checked."""

    account_id: UUID
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class RequestPasswordReset:
    """Send a link to choose a new password."""

    account_id: UUID
    request_id: UUID
    now: datetime


@dataclass(frozen=True)
class ResetPassword:
    """Follow that link with a new password."""

    account_id: UUID
    request_id: UUID
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class RehashPassword:
    """Keep the same password under new parameters, unless it was changed meanwhile."""

    account_id: UUID
    former_hash: str
    password_hash: str
    now: datetime


@dataclass(frozen=True)
class RenameAccount:
    """Set username, name or language; what is left `UNSET` stays."""

    account_id: UUID
    username: str | Unset | None
    name: str | Unset | None
    locale: str | Unset
    by: UUID | None
    now: datetime


@dataclass(frozen=True)
class SuspendAccount:
    """Shut the owner out."""

    account_id: UUID
    reason: str | None
    by: UUID | None
    now: datetime


@dataclass(frozen=True)
class ActivateAccount:
    """Let the owner in again."""

    account_id: UUID
    by: UUID | None
    now: datetime


@dataclass(frozen=True)
class SetRoles:
    """Give exactly these roles."""

    account_id: UUID
    roles: frozenset[str]
    by: UUID | None
    now: datetime


@dataclass(frozen=True)
class EraseAccount:
    """Forget the person; the password has been checked already."""

    account_id: UUID
    now: datetime


PasswordCommand = ChangePassword | RequestPasswordReset | ResetPassword | RehashPassword
AdministrationCommand = SuspendAccount | ActivateAccount | SetRoles
AccountCommand = (
    RegisterAccount
    | AddressCommand
    | PasswordCommand
    | RenameAccount
    | AdministrationCommand
    | EraseAccount
)
