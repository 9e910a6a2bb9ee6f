"""The rules of an account: pure. Those of its address stand in `auth.addresses`."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.facts import Unset
from common.problems import Conflict, Forbidden, Invalid, NotFound

from auth.accounts.commands import (
    AccountCommand,
    ActivateAccount,
    AdministrationCommand,
    ChangePassword,
    EraseAccount,
    PasswordCommand,
    RegisterAccount,
    RehashPassword,
    RenameAccount,
    RequestPasswordReset,
    ResetPassword,
    SetRoles,
    SuspendAccount,
)
from auth.accounts.events import (
    AccountActivated,
    AccountErased,
    AccountEvent,
    AccountRegistered,
    AccountRenamed,
    AccountSuspended,
    PasswordChanged,
    PasswordEvent,
    PasswordRehashed,
    PasswordReset,
    PasswordResetRequested,
    RolesSet,
)
from auth.addresses import decider as addresses
from auth.addresses.commands import AddressCommand, ReleaseFormerAddress, UndoEmailChange
from auth.addresses.events import AddressEvent, EmailChanged, EmailChangeUndone
from auth.links import Request, answer, just_asked

ROLES = frozenset({"user", "support", "admin"})
RESET_WITHIN = timedelta(minutes=30)


class AlreadyRegistered(Conflict):
    """This id is an account already."""

    code = "already_registered"
    detail = "There is an account with this id already."


class AccountIsSuspended(Forbidden):
    """An administrator shut the account."""

    code = "account_suspended"
    detail = "This account is suspended."


class AlreadySuspended(Conflict):
    """It is suspended already (MP-05)."""

    code = "already_suspended"
    detail = "This account is suspended already."


class UnknownRole(Invalid):
    """Roles are `user`, `support` and `admin`, and everybody is a user."""

    code = "unknown_role"
    detail = "The roles are user, support and admin; user is always one of them."


@dataclass(frozen=True)
class NoAccount:
    """Nobody yet."""


@dataclass(frozen=True)
class Account:
    """Somebody who may log in. `reset` is the newest request for a new password."""

    account_id: UUID
    addresses: addresses.Addresses
    username: str | None
    name: str | None
    locale: str
    password_hash: str
    roles: frozenset[str] = frozenset({"user"})
    reset: Request | None = None


@dataclass(frozen=True)
class Suspended:
    """Somebody who may not."""

    account: Account


@dataclass(frozen=True)
class Erased:
    """Somebody whom we have forgotten."""


AccountState = NoAccount | Account | Suspended | Erased


def decide(command: AccountCommand, state: AccountState) -> list[AccountEvent]:
    """What follows from a command. Raises the refusals above, those of links, and `NotFound`."""
    if isinstance(command, RegisterAccount):
        return _register(command, state)
    if isinstance(command, EraseAccount):
        return _erase(command, state)
    if isinstance(command, AdministrationCommand):
        return _administer(command, state)
    account = _admitted(command, state)
    if isinstance(command, AddressCommand):
        return _address(command, account)
    if isinstance(command, PasswordCommand):
        return _password(command, account)
    return _rename(command, account)


def _register(command: RegisterAccount, state: AccountState) -> list[AccountEvent]:
    if not isinstance(state, NoAccount):
        raise AlreadyRegistered
    return [
        AccountRegistered(
            command.account_id,
            command.email,
            command.email_index,
            command.username,
            command.name,
            command.locale,
            command.password_hash,
            command.verification_id,
            command.now,
        )
    ]


def _erase(command: EraseAccount, state: AccountState) -> list[AccountEvent]:
    match state:
        case Account() | Suspended():
            return [AccountErased(command.account_id, command.now)]
        case Erased():
            return []
        case NoAccount():
            raise NotFound
        case _:
            assert_never(state)


def _administer(command: AdministrationCommand, state: AccountState) -> list[AccountEvent]:
    account = _known(state)
    suspended = isinstance(state, Suspended)
    match command:
        case SuspendAccount(id, reason, by, now):
            if suspended:
                raise AlreadySuspended
            return [AccountSuspended(id, reason, by, now)]
        case ActivateAccount(id, by, now):
            return [AccountActivated(id, by, now)] if suspended else []
        case SetRoles(id, roles, by, now):
            if not {"user"} <= roles <= ROLES:
                raise UnknownRole
            return [] if roles == account.roles else [RolesSet(id, tuple(sorted(roles)), by, now)]
        case _:
            assert_never(command)


def _known(state: AccountState) -> Account:
    match state:
        case Account():
            return state
        case Suspended():
            return state.account
        case NoAccount() | Erased():
            raise NotFound
        case _:
            assert_never(state)


def _admitted(command: AccountCommand, state: AccountState) -> Account:
    """The account; if it is shut, only for time that goes on and for administrators."""
    account = _known(state)
    by_others = isinstance(command, ReleaseFormerAddress) or (
        isinstance(command, RenameAccount) and command.by != command.account_id
    )
    if isinstance(state, Suspended) and not by_others:
        raise AccountIsSuspended
    return account


def _rename(command: RenameAccount, account: Account) -> list[AccountEvent]:
    id, by, now = command.account_id, command.by, command.now
    username = account.username if isinstance(command.username, Unset) else command.username
    name = account.name if isinstance(command.name, Unset) else command.name
    locale = account.locale if isinstance(command.locale, Unset) else command.locale
    if (username, name, locale) == (account.username, account.name, account.locale):
        return []
    return [AccountRenamed(id, username, name, locale, by, now)]


def _address(command: AddressCommand, account: Account) -> list[AccountEvent]:
    events: list[AccountEvent] = [*addresses.decide(command, account.addresses)]
    if isinstance(command, UndoEmailChange):
        # whoever asked for the change knew the password
        events.append(PasswordResetRequested(command.account_id, command.reset_id, command.now))
    return events


def _password(command: PasswordCommand, account: Account) -> list[AccountEvent]:
    match command:
        case ChangePassword(id, password_hash, now):
            return [PasswordChanged(id, password_hash, now)]
        case RequestPasswordReset(id, request_id, now):
            if just_asked(account.reset, now):
                return []
            return [PasswordResetRequested(id, request_id, now)]
        case ResetPassword(id, request_id, password_hash, now):
            answer(account.reset, request_id, now, RESET_WITHIN)
            return [PasswordReset(id, request_id, password_hash, now)]
        case RehashPassword(id, former_hash, password_hash, now):
            if account.password_hash != former_hash:
                return []
            return [PasswordRehashed(id, password_hash, now)]
        case _:
            assert_never(command)


def evolve(state: AccountState, event: AccountEvent) -> AccountState:
    """The state after one more event."""
    match event:
        case AccountRegistered():
            return _registered(event)
        case AccountErased():
            return Erased()
        case AccountSuspended():
            return Suspended(_known(state))
        case AccountActivated():
            return _known(state)
        case _:
            changed = _changed(_known(state), event)
            return Suspended(changed) if isinstance(state, Suspended) else changed


def _registered(event: AccountRegistered) -> Account:
    asked = event.verification_id
    verification = Request(asked, event.registered_at) if asked else None
    return Account(
        event.account_id,
        addresses.Addresses(event.email, event.email_index, verification),
        event.username,
        event.name,
        event.locale,
        event.password_hash,
    )


def _changed(
    account: Account, event: AddressEvent | PasswordEvent | AccountRenamed | RolesSet
) -> Account:
    if isinstance(event, AddressEvent):
        moved = isinstance(event, EmailChanged | EmailChangeUndone)
        # a link that was sent to another address is void
        reset = None if moved else account.reset
        return replace(account, addresses=addresses.evolve(account.addresses, event), reset=reset)
    if isinstance(event, PasswordEvent):
        return _with_password(account, event)
    if isinstance(event, RolesSet):
        return replace(account, roles=frozenset(event.roles))
    return replace(account, username=event.username, name=event.name, locale=event.locale)


def _with_password(account: Account, event: PasswordEvent) -> Account:
    match event:
        case PasswordResetRequested():
            return replace(account, reset=Request(event.request_id, event.requested_at))
        case PasswordRehashed():
            return replace(account, password_hash=event.password_hash)
        case PasswordChanged() | PasswordReset():
            return replace(account, password_hash=event.password_hash, reset=None)
        case _:
            assert_never(event)


ACCOUNT: Decider[AccountCommand, AccountState, AccountEvent] = Decider(
    "account", NoAccount(), decide, evolve
)
