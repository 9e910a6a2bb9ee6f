"""Accounts to look up: by id, and by the keyed hash of their address or name when they log in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.problems import Conflict
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import ARRAY, insert

from auth.accounts.events import (
    AccountActivated,
    AccountErased,
    AccountEvent,
    AccountRegistered,
    AccountSuspended,
    AdministrationEvent,
    PasswordChanged,
    PasswordEvent,
    PasswordRehashed,
    PasswordReset,
    PasswordResetRequested,
    RolesSet,
)
from auth.addresses.events import (
    AddressEvent,
    EmailChanged,
    EmailChangeRequested,
    EmailChangeUndone,
    EmailChangeWithdrawn,
    EmailVerificationRequested,
    EmailVerified,
    FormerAddressReleased,
)


class EmailTaken(Conflict):
    """An account with this address exists."""

    code = "email_taken"
    detail = "There is an account with this e-mail address already."


class UsernameTaken(Conflict):
    """An account with this name exists."""

    code = "username_taken"
    detail = "There is an account with this username already."


_METADATA = sa.MetaData()
_MAY_WAIT: Mapping[str, Any] = {"deferrable": True, "initially": "IMMEDIATE"}
"""A rebuild regroups its writes: a name that one account gave up and another took is then taken
before it is given up, and both only hold at the end of the page."""
accounts = sa.Table(
    "accounts",
    _METADATA,
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_index", sa.Text, nullable=False),
    sa.Column("verified_at", sa.DateTime(timezone=True)),
    sa.Column("username", sa.Text),
    sa.Column("username_folded", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("roles", ARRAY(sa.Text), nullable=False),
    sa.Column("suspended_at", sa.DateTime(timezone=True)),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("email_index", name="accounts_email", **_MAY_WAIT),
    sa.UniqueConstraint("username_folded", name="accounts_username", **_MAY_WAIT),
)
account_addresses = sa.Table(
    "account_addresses",
    _METADATA,
    sa.Column("email_index", sa.Text),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.PrimaryKeyConstraint("email_index", name="account_addresses_taken", **_MAY_WAIT),
    sa.Index("account_addresses_by_account", "account_id"),
)
"""Every address that is somebody's, or reserved for them while they may still take it back."""

_ID = accounts.c.account_id == sa.bindparam("id")
_OF_ID = account_addresses.c.account_id == sa.bindparam("id")
_INSERT = Statement(insert(accounts).values({c.name: sa.bindparam(c.name) for c in accounts.c}))
_DELETE = Statement(sa.delete(accounts).where(_ID))
_OCCUPY = Statement(
    insert(account_addresses).values(
        email_index=sa.bindparam("index"), account_id=sa.bindparam("id")
    )
)
_FREE = Statement(
    sa.delete(account_addresses).where(
        account_addresses.c.email_index == sa.bindparam("index"), _OF_ID
    )
)
_FREE_ALL = Statement(sa.delete(account_addresses).where(_OF_ID))


def _setting(*columns: str) -> Statement:
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in ("version", *columns)}
    return Statement(sa.update(accounts).where(_ID).values(values))


_TOUCH = _setting()
_SET_VERIFIED = _setting("verified_at")
_SET_EMAIL = _setting("email", "email_index", "verified_at")
_SET_PASSWORD = _setting("password_hash")
_SET_NAMES = _setting("username", "username_folded", "name", "locale")
_SET_ROLES = _setting("roles")
_SET_SUSPENDED = _setting("suspended_at")

_BY_ID = Statement(sa.select(accounts).where(_ID))
_BY_LOGIN = Statement(
    sa.select(accounts).where(
        sa.or_(
            accounts.c.email_index == sa.bindparam("email_index"),
            accounts.c.username_folded == sa.bindparam("username"),
        )
    )
)
_HELD = Statement(sa.select(accounts).where(_ID).with_for_update(read=True))
_IS_TAKEN = Statement(
    sa.select(sa.literal(1)).where(
        account_addresses.c.email_index == sa.bindparam("index"),
        account_addresses.c.account_id != sa.bindparam("id"),
    )
)


def project(event: AccountEvent, stamp: Stamp) -> list[Write]:
    """One row an account; none for a person who was erased, also when the log is read anew."""
    id = event.account_id
    if isinstance(event, AccountRegistered):
        return _registered(event, stamp)
    if isinstance(event, AccountErased):
        return [Write(_DELETE, {"id": id}, id), Write(_FREE_ALL, {"id": id}, id)]
    if isinstance(event, AddressEvent):
        return _addressed(event, stamp)
    if isinstance(event, PasswordEvent):
        return _with_password(event, stamp)
    if isinstance(event, AdministrationEvent):
        return _administered(event, stamp)
    names = {
        "username": event.username,
        "username_folded": event.username.casefold() if event.username else None,
        "name": event.name,
        "locale": event.locale,
    }
    return [_set(_SET_NAMES, id, stamp, **names)]


def _set(statement: Statement, id: UUID, stamp: Stamp, **values: Any) -> Write:
    new = {f"new_{name}": value for name, value in values.items()}
    return Write(statement, {"id": id, "new_version": stamp.version, **new}, id)


def _registered(event: AccountRegistered, stamp: Stamp) -> list[Write]:
    if not event.email_index:
        return []
    id = event.account_id
    row = {
        "account_id": id,
        "version": stamp.version,
        "email": event.email,
        "email_index": event.email_index,
        "verified_at": None,
        "username": event.username,
        "username_folded": event.username.casefold() if event.username else None,
        "name": event.name,
        "locale": event.locale,
        "password_hash": event.password_hash,
        "roles": ["user"],
        "suspended_at": None,
        "registered_at": event.registered_at,
    }
    return [_occupy(event.email_index, id), Write(_INSERT, row, id)]


def _occupy(index: str, id: UUID) -> Write:
    return Write(_OCCUPY, {"index": index, "id": id}, id)


def _free(index: str, id: UUID) -> Write:
    return Write(_FREE, {"index": index, "id": id}, id)


def _addressed(event: AddressEvent, stamp: Stamp) -> list[Write]:
    id = event.account_id
    match event:
        case EmailVerified():
            return [_set(_SET_VERIFIED, id, stamp, verified_at=event.verified_at)]
        case EmailChanged():
            # of a person who was erased nothing is left to occupy
            taken = [_occupy(event.email_index, id)] if event.email_index else []
            return [*taken, _moved(event.email, event.email_index, event.changed_at, id, stamp)]
        case EmailChangeUndone():
            freed = [_free(index, id) for index in event.released_indexes]
            return [*freed, _moved(event.email, event.email_index, event.undone_at, id, stamp)]
        case FormerAddressReleased():
            return [_free(event.email_index, id), _set(_TOUCH, id, stamp)]
        case EmailVerificationRequested() | EmailChangeRequested() | EmailChangeWithdrawn():
            return [_set(_TOUCH, id, stamp)]
        case _:
            assert_never(event)


def _moved(email: str, index: str, at: datetime, id: UUID, stamp: Stamp) -> Write:
    return _set(_SET_EMAIL, id, stamp, email=email, email_index=index, verified_at=at)


def _with_password(event: PasswordEvent, stamp: Stamp) -> list[Write]:
    id = event.account_id
    match event:
        case PasswordChanged() | PasswordReset() | PasswordRehashed():
            return [_set(_SET_PASSWORD, id, stamp, password_hash=event.password_hash)]
        case PasswordResetRequested():
            return [_set(_TOUCH, id, stamp)]
        case _:
            assert_never(event)


def _administered(event: AdministrationEvent, stamp: Stamp) -> list[Write]:
    id = event.account_id
    match event:
        case AccountSuspended():
            return [_set(_SET_SUSPENDED, id, stamp, suspended_at=event.suspended_at)]
        case AccountActivated():
            return [_set(_SET_SUSPENDED, id, stamp, suspended_at=None)]
        case RolesSet():
            return [_set(_SET_ROLES, id, stamp, roles=list(event.roles))]
        case _:
            assert_never(event)


ACCOUNTS = ReadModel(
    AccountEvent,
    project,
    {
        "account_addresses_taken": EmailTaken,
        "accounts_email": EmailTaken,
        "accounts_username": UsernameTaken,
    },
    name="accounts",
    tables=(accounts, account_addresses),
)


@dataclass(frozen=True)
class AccountRow:
    """One account as it is read. Without `suspended_at` it may log in."""

    account_id: UUID
    version: int
    email: str
    email_index: str
    verified_at: datetime | None
    username: str | None
    username_folded: str | None
    name: str | None
    locale: str
    password_hash: str
    roles: list[str]
    suspended_at: datetime | None
    registered_at: datetime


async def account_by_id(database: Database, id: UUID) -> AccountRow | None:
    """The account, unless it is unknown or erased."""
    row = await database.fetch_one(_BY_ID, id=id)
    return AccountRow(**row) if row else None


async def account_by_login(database: Database, email_index: str, login: str) -> AccountRow | None:
    """The account with this address or this username."""
    row = await database.fetch_one(_BY_LOGIN, email_index=email_index, username=login.casefold())
    return AccountRow(**row) if row else None


async def held_account(transaction: Transaction, id: UUID) -> AccountRow | None:
    """The account, which nobody changes until the transaction ends."""
    row = await transaction.fetch_one(_HELD, id=id)
    return AccountRow(**row) if row else None


async def is_taken_by_another(database: Database, email_index: str, id: UUID) -> bool:
    """Whether the address is another's, or reserved for another."""
    return await database.fetch_one(_IS_TAKEN, index=email_index, id=id) is not None
