"""Which accounts there are, for administrators: filtered, newest first, in pages; or all."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.statements import Statement

from auth.accounts.read_model import AccountRow, accounts

_INDEX = sa.bindparam("email_index", type_=sa.Text)
_SUSPENDED = sa.bindparam("suspended", type_=sa.Boolean)
_PATTERN = sa.bindparam("pattern", type_=sa.Text)
_FILTERS = (
    sa.or_(_INDEX.is_(None), accounts.c.email_index == _INDEX),
    sa.or_(_SUSPENDED.is_(None), accounts.c.suspended_at.is_not(None) == _SUSPENDED),
    sa.or_(
        _PATTERN.is_(None),
        accounts.c.email.ilike(_PATTERN),
        accounts.c.username.ilike(_PATTERN),
        accounts.c.name.ilike(_PATTERN),
    ),
)
_PAGE = Statement(
    sa.select(accounts)
    .where(*_FILTERS)
    .order_by(accounts.c.account_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NEXT = Statement(
    sa.select(accounts)
    .where(accounts.c.account_id > sa.bindparam("id", type_=sa.Uuid))
    .order_by(accounts.c.account_id)
    .limit(sa.bindparam("per_page", type_=sa.Integer))
)
BATCH = 500
_COUNT = Statement(sa.select(sa.func.count()).select_from(accounts).where(*_FILTERS))


@dataclass(frozen=True)
class Wanted:
    """Which accounts: with this address (its keyed hash), a text in address or names, a state."""

    email_index: str | None = None
    text: str | None = None
    suspended: bool | None = None


async def accounts_found(
    database: Database, wanted: Wanted, *, per_page: int, skip: int
) -> tuple[list[AccountRow], int]:
    """One page of them, newest first, and how many there are."""
    filters = {
        "email_index": wanted.email_index,
        "suspended": wanted.suspended,
        "pattern": None if wanted.text is None else f"%{_literal(wanted.text)}%",
    }
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, per_page=per_page, skip=skip, **filters)
        count = await reader.fetch_one(_COUNT, **filters)
    assert count is not None
    return [AccountRow(**row) for row in rows], count[0]


async def every_account(database: Database) -> AsyncIterator[AccountRow]:
    """All accounts, the oldest first, read in batches: as many as there may be."""
    last = UUID(int=0)
    while rows := await database.fetch(_NEXT, id=last, per_page=BATCH):
        for row in rows:
            yield AccountRow(**row)
        last = rows[-1]["account_id"]


def _literal(text: str) -> str:
    """The text itself: its per cent signs and underscores stand for nothing else."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
