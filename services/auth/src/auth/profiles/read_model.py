"""Profiles to look up by account: what they say and which picture they show."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import JSONB, insert

from auth.profiles.events import (
    NOTHING,
    AvatarRemoved,
    AvatarSet,
    ProfileChanged,
    ProfileErased,
    ProfileEvent,
)

profiles = sa.Table(
    "profiles",
    sa.MetaData(),
    sa.Column("account_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("picture_id", sa.Uuid),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)
_INSERT = insert(profiles).values(
    {column.name: sa.bindparam(column.name, type_=column.type) for column in profiles.c}
)


def _setting(*columns: str) -> Statement:
    """A row with these values, beside those that are there already."""
    changed = {name: _INSERT.excluded[name] for name in ("version", "changed_at", *columns)}
    return Statement(_INSERT.on_conflict_do_update(index_elements=["account_id"], set_=changed))


_SET_DETAILS = _setting("details")
_SET_PICTURE = _setting("picture_id")
_ID = profiles.c.account_id == sa.bindparam("id")
_DELETE = Statement(sa.delete(profiles).where(_ID))
_BY_ID = Statement(sa.select(profiles).where(_ID))


def project(event: ProfileEvent, stamp: Stamp) -> list[Write]:
    """One row an account that has filled in anything; none once it was erased."""
    match event:
        case ProfileChanged():
            details = asdict(event.details)
            return [_set(_SET_DETAILS, event.account_id, stamp, event.changed_at, details=details)]
        case AvatarSet(id, picture_id):
            return [_set(_SET_PICTURE, id, stamp, event.set_at, picture_id=picture_id)]
        case AvatarRemoved(id, _, at):
            return [_set(_SET_PICTURE, id, stamp, at)]
        case ProfileErased():
            return [Write(_DELETE, {"id": event.account_id}, event.account_id)]
        case _:
            assert_never(event)


def _set(
    statement: Statement,
    id: UUID,
    stamp: Stamp,
    at: datetime,
    *,
    details: dict[str, Any] | None = None,
    picture_id: UUID | None = None,
) -> Write:
    row = {
        "account_id": id,
        "version": stamp.version,
        "details": asdict(NOTHING) if details is None else details,
        "picture_id": picture_id,
        "changed_at": at,
    }
    return Write(statement, row, id)


PROFILES = ReadModel(ProfileEvent, project, name="profiles", tables=(profiles,))


@dataclass(frozen=True)
class ProfileRow:
    """One profile as it is read; version 0 is one that nobody has filled in."""

    account_id: UUID
    version: int
    details: dict[str, Any]
    picture_id: UUID | None
    changed_at: datetime | None


async def profile_of(database: Database, account_id: UUID) -> ProfileRow:
    """The account's profile, an empty one if need be."""
    row = await database.fetch_one(_BY_ID, id=account_id)
    if row is None:
        return ProfileRow(account_id, 0, asdict(NOTHING), None, None)
    return ProfileRow(**row)
