"""What has happened to an account; stored for ever, personal fields sealed under its own key.

`by` is who did it when that need not be the owner: an administrator, or None for the command line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from common.facts import Personal, Subject

from auth.addresses.events import AddressEvent


@dataclass(frozen=True)
class AccountRegistered:
    """Somebody opened an account. `email_index` is the keyed hash that keeps addresses unique.

    `verification_id` names the request that the greeting's link answers.
    """

    type_name: ClassVar[str] = "auth.account_registered"
    schema: ClassVar[int] = 2

    account_id: Subject
    email: Personal[str]
    email_index: Personal[str]
    username: Personal[str | None]
    name: Personal[str | None]
    locale: Personal[str]
    password_hash: Personal[str]
    verification_id: UUID | None
    registered_at: datetime


@dataclass(frozen=True)
class PasswordChanged:
    """The owner, who knew the old password, chose another."""

    type_name: ClassVar[str] = "auth.password_changed"

    account_id: Subject
    password_hash: Personal[str]
    changed_at: datetime


@dataclass(frozen=True)
class PasswordResetRequested:
    """A link to choose a new password was asked for; it replaces the one before."""

    type_name: ClassVar[str] = "auth.password_reset_requested"

    account_id: Subject
    request_id: UUID
    requested_at: datetime


@dataclass(frozen=True)
class PasswordReset:
    """Whoever reads mail at the address chose a new password."""

    type_name: ClassVar[str] = "auth.password_reset"

    account_id: Subject
    request_id: UUID
    password_hash: Personal[str]
    reset_at: datetime


@dataclass(frozen=True)
class PasswordRehashed:
    """The same password under today's parameters."""

    type_name: ClassVar[str] = "auth.password_rehashed"

    account_id: Subject
    password_hash: Personal[str]
    rehashed_at: datetime


@dataclass(frozen=True)
class AccountRenamed:
    """Username, name or language are other ones; all three as they are now."""

    type_name: ClassVar[str] = "auth.account_renamed"

    account_id: Subject
    username: Personal[str | None]
    name: Personal[str | None]
    locale: Personal[str]
    by: UUID | None
    renamed_at: datetime


@dataclass(frozen=True)
class AccountSuspended:
    """An administrator shut the owner out."""

    type_name: ClassVar[str] = "auth.account_suspended"

    account_id: Subject
    reason: Personal[str | None]
    by: UUID | None
    suspended_at: datetime


@dataclass(frozen=True)
class AccountActivated:
    """An administrator let the owner in again."""

    type_name: ClassVar[str] = "auth.account_activated"

    account_id: Subject
    by: UUID | None
    activated_at: datetime


@dataclass(frozen=True)
class RolesSet:
    """What the owner may do from now on: all roles, in alphabetical order."""

    type_name: ClassVar[str] = "auth.roles_set"

    account_id: Subject
    roles: tuple[str, ...]
    by: UUID | None
    set_at: datetime


@dataclass(frozen=True)
class AccountErased:
    """The account's owner left; the key that opened their data was destroyed with this event."""

    type_name: ClassVar[str] = "auth.account_erased"

    account_id: Subject
    erased_at: datetime


PasswordEvent = PasswordChanged | PasswordResetRequested | PasswordReset | PasswordRehashed
AdministrationEvent = AccountSuspended | AccountActivated | RolesSet
AccountEvent = (
    AccountRegistered
    | AddressEvent
    | PasswordEvent
    | AccountRenamed
    | AdministrationEvent
    | AccountErased
)


def _registered_1(data: dict[str, Any]) -> dict[str, Any]:
    """Before there were languages and links to verify an address."""
    known = data["email"] is not None  # else the person was erased, and speaks no language
    return {**data, "locale": "en" if known else None, "verification_id": None}


UPCASTERS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("auth.account_registered", 1): _registered_1
}
