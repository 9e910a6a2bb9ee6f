"""What has happened to the address of an account: written to the account's own stream."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from common.facts import Personal, Subject


@dataclass(frozen=True)
class EmailVerificationRequested:
    """Another link to verify the address was asked for; it replaces the one before."""

    type_name: ClassVar[str] = "auth.email_verification_requested"

    account_id: Subject
    request_id: UUID
    requested_at: datetime


@dataclass(frozen=True)
class EmailVerified:
    """Whoever reads mail at the address has said that it is theirs."""

    type_name: ClassVar[str] = "auth.email_verified"

    account_id: Subject
    verified_at: datetime


@dataclass(frozen=True)
class EmailChangeRequested:
    """The owner wants another address; the new one must confirm, the old one may object."""

    type_name: ClassVar[str] = "auth.email_change_requested"

    account_id: Subject
    request_id: UUID
    email: Personal[str]
    email_index: Personal[str]
    current_email: Personal[str]
    requested_at: datetime


@dataclass(frozen=True)
class EmailChanged:
    """The new address has confirmed. The former one stays reserved until `undo_until`."""

    type_name: ClassVar[str] = "auth.email_changed"

    account_id: Subject
    request_id: UUID
    email: Personal[str]
    email_index: Personal[str]
    former_email: Personal[str]
    former_email_index: Personal[str]
    undo_until: datetime
    changed_at: datetime


@dataclass(frozen=True)
class EmailChangeWithdrawn:
    """The old address objected before the new one had confirmed."""

    type_name: ClassVar[str] = "auth.email_change_withdrawn"

    account_id: Subject
    request_id: UUID
    withdrawn_at: datetime


@dataclass(frozen=True)
class EmailChangeUndone:
    """The old address objected and is the account's again; the others that came after are free."""

    type_name: ClassVar[str] = "auth.email_change_undone"

    account_id: Subject
    request_id: UUID
    email: Personal[str]
    email_index: Personal[str]
    released_indexes: Personal[tuple[str, ...]]
    undone_at: datetime


@dataclass(frozen=True)
class FormerAddressReleased:
    """A former address is reserved no longer: the time to object is over."""

    type_name: ClassVar[str] = "auth.former_address_released"

    account_id: Subject
    request_id: UUID
    email_index: Personal[str]
    released_at: datetime


AddressEvent = (
    EmailVerificationRequested
    | EmailVerified
    | EmailChangeRequested
    | EmailChanged
    | EmailChangeWithdrawn
    | EmailChangeUndone
    | FormerAddressReleased
)
