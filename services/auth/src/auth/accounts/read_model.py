"""Accounts to look up: by id, and by the keyed hash of their address or name when they log in."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.problems import Conflict
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

from auth.accounts.events import AccountErased, AccountEvent, AccountRegistered


class EmailTaken(Conflict):
    """An account with this address exists."""

    code = "email_taken"
    detail = "There is an account with this e-mail address already."


class UsernameTaken(Conflict):
    """An account with this name exists."""

    code = "username_taken"
    detail = "There is an account with this username already."


accounts = sa.Table(
    "accounts",
    sa.MetaData(),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_index", sa.Text, nullable=False),
    sa.Column("username", sa.Text),
    sa.Column("username_folded", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("email_index", name="accounts_email"),
    sa.UniqueConstraint("username_folded", name="accounts_username"),
)
_INSERT = Statement(insert(accounts).values({c.name: sa.bindparam(c.name) for c in accounts.c}))
_DELETE = Statement(sa.delete(accounts).where(accounts.c.account_id == sa.bindparam("id")))
_BY_ID = Statement(sa.select(accounts).where(accounts.c.account_id == sa.bindparam("id")))
_BY_LOGIN = Statement(
    sa.select(accounts).where(
        sa.or_(
            accounts.c.email_index == sa.bindparam("email_index"),
            accounts.c.username_folded == sa.bindparam("username"),
        )
    )
)


def project(event: AccountEvent, stamp: Stamp) -> list[Write]:
    """One row an account; none for a person who was erased, also when the log is read anew."""
    id = event.account_id
    match event:
        case AccountRegistered():
            if not event.email_index:
                return []
            row = {
                "account_id": id,
                "version": stamp.version,
                "email": event.email,
                "email_index": event.email_index,
                "username": event.username,
                "username_folded": event.username.casefold() if event.username else None,
                "name": event.name,
                "password_hash": event.password_hash,
                "registered_at": event.registered_at,
            }
            return [Write(_INSERT, row, id)]
        case AccountErased():
            return [Write(_DELETE, {"id": id}, id)]
        case _:
            assert_never(event)


ACCOUNTS = ReadModel(
    AccountEvent,
    project,
    {"accounts_email": EmailTaken, "accounts_username": UsernameTaken},
    name="accounts",
    tables=(accounts,),
)


@dataclass(frozen=True)
class AccountRow:
    """One account as it is read."""

    account_id: UUID
    version: int
    email: str
    email_index: str
    username: str | None
    username_folded: str | None
    name: str | None
    password_hash: str
    registered_at: datetime


async def account_by_id(database: Database, id: UUID) -> AccountRow | None:
    """The account, unless it is unknown or erased."""
    row = await database.fetch_one(_BY_ID, id=id)
    return AccountRow(**row) if row else None


async def account_by_login(database: Database, email_index: str, login: str) -> AccountRow | None:
    """The account with this address or this username."""
    row = await database.fetch_one(_BY_LOGIN, email_index=email_index, username=login.casefold())
    return AccountRow(**row) if row else None
