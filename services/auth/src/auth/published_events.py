"""What others may rely on of accounts and sessions, and how our facts become it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar, assert_never
from uuid import UUID

from common.access_tokens import ACCESS_LIFETIME
from common.facts import Personal, Subject
from common.messages import PublishedEvent
from pydantic import BaseModel, ConfigDict

from auth.accounts import events as accounts
from auth.addresses import events as addresses
from auth.exports.events import ExportEvent
from auth.profiles import events as profiles
from auth.sessions import events as sessions


class AccountRegistered(PublishedEvent):
    """Somebody opened an account."""

    type_name: ClassVar[str] = "auth.account_registered.v1"

    account_id: Subject
    email: Personal[str]
    name: Personal[str | None]
    locale: Personal[str]
    registered_at: datetime


class AccountRenamed(PublishedEvent):
    """Username, name or language are other ones; all three as they are now."""

    type_name: ClassVar[str] = "auth.account_renamed.v1"

    account_id: Subject
    username: Personal[str | None]
    name: Personal[str | None]
    locale: Personal[str]
    renamed_at: datetime


class EmailChanged(PublishedEvent):
    """The account's address is another one, which has been verified."""

    type_name: ClassVar[str] = "auth.email_changed.v1"

    account_id: Subject
    email: Personal[str]
    changed_at: datetime


class AccountSuspended(PublishedEvent):
    """An administrator shut the owner out: believe no token of theirs."""

    type_name: ClassVar[str] = "auth.account_suspended.v1"

    account_id: UUID
    suspended_at: datetime
    tokens_expire_at: datetime


class AccountActivated(PublishedEvent):
    """An administrator let the owner in again."""

    type_name: ClassVar[str] = "auth.account_activated.v1"

    account_id: UUID
    activated_at: datetime


class AccountChanged(PublishedEvent):
    """Something else about the account changed: whoever keeps a copy of it reads it again."""

    type_name: ClassVar[str] = "auth.account_changed.v1"

    account_id: UUID
    changed_at: datetime


class AccountErased(PublishedEvent):
    """Forget this person: whoever holds anything of them must let go of it."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID
    erased_at: datetime


class SessionEnded(PublishedEvent):
    """Believe no access token of this session; the last of them expires at `tokens_expire_at`."""

    type_name: ClassVar[str] = "auth.session_ended.v1"

    session_id: UUID
    account_id: UUID
    reason: str
    ended_at: datetime
    tokens_expire_at: datetime


class BillingAddress(BaseModel):
    """Where invoices are addressed to; `country` is an ISO 3166-1 alpha-2 code."""

    model_config = ConfigDict(frozen=True)

    line1: str
    line2: str | None
    postal_code: str | None
    city: str
    region: str | None
    country: str


class ProfileChanged(PublishedEvent):
    """What stands on invoices, as it is now; and a telephone number."""

    type_name: ClassVar[str] = "auth.profile_changed.v1"

    account_id: Subject
    company: Personal[str | None]
    billing_address: Personal[BillingAddress | None]
    vat_number: Personal[str | None]
    phone: Personal[str | None]
    changed_at: datetime


class AvatarChanged(PublishedEvent):
    """Another picture is shown, or none.

    `portrait` is that picture for others to keep, a square JPEG of at most 256 pixels and 24 KiB
    in base64; None when none is shown, and for pictures of the time before there were portraits.
    """

    type_name: ClassVar[str] = "auth.avatar_changed.v1"

    account_id: Subject
    shown: bool
    portrait: Personal[str | None] = None
    changed_at: datetime


def publish(event: Any) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    fact: accounts.AccountEvent | sessions.SessionEvent | profiles.ProfileEvent | ExportEvent
    fact = event
    if isinstance(fact, ExportEvent):
        return None
    if isinstance(fact, profiles.ProfileEvent):
        return _of_profile(fact)
    if isinstance(fact, sessions.SessionEvent):
        return _of_session(fact)
    if isinstance(fact, addresses.AddressEvent):
        return _of_address(fact)
    if isinstance(fact, accounts.AdministrationEvent):
        return _of_administration(fact)
    if isinstance(fact, accounts.PasswordEvent):
        return _of_password(fact)
    return _of_account(fact)


def _of_account(
    fact: accounts.AccountRegistered | accounts.AccountRenamed | accounts.AccountErased,
) -> PublishedEvent:
    match fact:
        case accounts.AccountRegistered():
            return AccountRegistered(
                account_id=fact.account_id,
                email=fact.email,
                name=fact.name,
                locale=fact.locale,
                registered_at=fact.registered_at,
            )
        case accounts.AccountRenamed():
            return AccountRenamed(
                account_id=fact.account_id,
                username=fact.username,
                name=fact.name,
                locale=fact.locale,
                renamed_at=fact.renamed_at,
            )
        case accounts.AccountErased():
            return AccountErased(account_id=fact.account_id, erased_at=fact.erased_at)
        case _:
            assert_never(fact)


def _of_address(fact: addresses.AddressEvent) -> PublishedEvent:
    id = fact.account_id
    match fact:
        case addresses.EmailChanged():
            return EmailChanged(account_id=id, email=fact.email, changed_at=fact.changed_at)
        case addresses.EmailChangeUndone():
            return EmailChanged(account_id=id, email=fact.email, changed_at=fact.undone_at)
        case addresses.EmailVerificationRequested() | addresses.EmailChangeRequested():
            return AccountChanged(account_id=id, changed_at=fact.requested_at)
        case addresses.EmailVerified():
            return AccountChanged(account_id=id, changed_at=fact.verified_at)
        case addresses.EmailChangeWithdrawn():
            return AccountChanged(account_id=id, changed_at=fact.withdrawn_at)
        case addresses.FormerAddressReleased():
            return AccountChanged(account_id=id, changed_at=fact.released_at)
        case _:
            assert_never(fact)


def _of_password(fact: accounts.PasswordEvent) -> PublishedEvent:
    id = fact.account_id
    match fact:
        case accounts.PasswordChanged():
            return AccountChanged(account_id=id, changed_at=fact.changed_at)
        case accounts.PasswordResetRequested():
            return AccountChanged(account_id=id, changed_at=fact.requested_at)
        case accounts.PasswordReset():
            return AccountChanged(account_id=id, changed_at=fact.reset_at)
        case accounts.PasswordRehashed():
            return AccountChanged(account_id=id, changed_at=fact.rehashed_at)
        case _:
            assert_never(fact)


def _of_administration(fact: accounts.AdministrationEvent) -> PublishedEvent:
    id = fact.account_id
    match fact:
        case accounts.AccountSuspended():
            return AccountSuspended(
                account_id=id,
                suspended_at=fact.suspended_at,
                tokens_expire_at=fact.suspended_at + ACCESS_LIFETIME,
            )
        case accounts.AccountActivated():
            return AccountActivated(account_id=id, activated_at=fact.activated_at)
        case accounts.RolesSet():
            return AccountChanged(account_id=id, changed_at=fact.set_at)
        case _:
            assert_never(fact)


def _of_session(fact: sessions.SessionEvent) -> PublishedEvent | None:
    if not isinstance(fact, sessions.SessionEnded):
        return None
    return SessionEnded(
        session_id=fact.session_id,
        account_id=fact.account_id,
        reason=fact.reason,
        ended_at=fact.ended_at,
        tokens_expire_at=fact.ended_at + ACCESS_LIFETIME,
    )


def _of_profile(fact: profiles.ProfileEvent) -> PublishedEvent | None:
    match fact:
        case profiles.ProfileChanged():
            address = fact.details.billing_address
            return ProfileChanged(
                account_id=fact.account_id,
                company=fact.details.company,
                billing_address=BillingAddress(**asdict(address)) if address else None,
                vat_number=fact.details.vat_number,
                phone=fact.details.phone,
                changed_at=fact.changed_at,
            )
        case profiles.AvatarSet():
            return AvatarChanged(
                account_id=fact.account_id,
                shown=True,
                portrait=fact.portrait,
                changed_at=fact.set_at,
            )
        case profiles.AvatarRemoved():
            at = fact.removed_at
            return AvatarChanged(account_id=fact.account_id, shown=False, changed_at=at)
        case profiles.ProfileErased():
            return None  # the account's own message says it
        case _:
            assert_never(fact)
