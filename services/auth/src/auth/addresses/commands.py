"""What may be asked of the address of an account. Links have been authenticated."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class RequestEmailVerification:
    """Send another link to verify the address."""

    account_id: UUID
    request_id: UUID
    now: datetime


@dataclass(frozen=True)
class VerifyEmail:
    """Follow the link that was sent to the address."""

    account_id: UUID
    request_id: UUID
    now: datetime


@dataclass(frozen=True)
class RequestEmailChange:
    """Ask for another address; the password has been checked."""

    account_id: UUID
    request_id: UUID
    email: str
    email_index: str
    now: datetime


@dataclass(frozen=True)
class ConfirmEmailChange:
    """Follow the link that was sent to the new address."""

    account_id: UUID
    request_id: UUID
    now: datetime


@dataclass(frozen=True)
class UndoEmailChange:
    """Follow the link that was sent to the old address. `reset_id` is the id of a new request."""

    account_id: UUID
    request_id: UUID
    reset_id: UUID
    now: datetime


@dataclass(frozen=True)
class ReleaseFormerAddress:
    """The time to undo this change is over."""

    account_id: UUID
    request_id: UUID
    now: datetime


AddressCommand = (
    RequestEmailVerification
    | VerifyEmail
    | RequestEmailChange
    | ConfirmEmailChange
    | UndoEmailChange
    | ReleaseFormerAddress
)
