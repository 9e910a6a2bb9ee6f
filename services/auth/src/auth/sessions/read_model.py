"""Live sessions to list, and those that ended lately, whose access tokens are still about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

from auth.sessions.events import (
    RefreshTokenReused,
    SessionEnded,
    SessionEvent,
    SessionRefreshed,
    SessionStarted,
)

_METADATA = sa.MetaData()
sessions = sa.Table(
    "sessions",
    _METADATA,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("sessions_by_account", "account_id"),
)
ended_sessions = sa.Table(
    "ended_sessions",
    _METADATA,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ended_sessions_by_time", "ended_at"),
)
_ID = sessions.c.session_id == sa.bindparam("id")
_INSERT = Statement(insert(sessions).values({c.name: sa.bindparam(c.name) for c in sessions.c}))
_USED = Statement(sa.update(sessions).where(_ID).values(used_at=sa.bindparam("at")))
_DELETE = Statement(sa.delete(sessions).where(_ID))
_ENDED = Statement(
    insert(ended_sessions).values(session_id=sa.bindparam("id"), ended_at=sa.bindparam("at"))
)
_LIVE_SINCE = sa.and_(
    sessions.c.used_at > sa.bindparam("used_after"),
    sessions.c.started_at > sa.bindparam("started_after"),
)
_OF_ACCOUNT = Statement(
    sa.select(sessions)
    .where(sessions.c.account_id == sa.bindparam("account_id"), _LIVE_SINCE)
    .order_by(sessions.c.used_at.desc(), sessions.c.session_id.desc())
)
_IDS_OF_ACCOUNT = Statement(
    sa.select(sessions.c.session_id)
    .where(sessions.c.account_id == sa.bindparam("account_id"))
    .order_by(sessions.c.session_id)
    .with_for_update()
)
_LOCK = Statement(sa.select(sessions.c.account_id).where(_ID).with_for_update())
_ENDED_SINCE = Statement(
    sa.select(ended_sessions).where(ended_sessions.c.ended_at > sa.bindparam("since"))
)


def project(event: SessionEvent, stamp: Stamp) -> list[Write]:
    """One row a live session, and one, without anything of the person, an ended one."""
    id = event.session_id
    match event:
        case SessionStarted():
            row = {
                "session_id": id,
                "account_id": event.account_id,
                "device": event.device,
                "place": event.place,
                "started_at": event.started_at,
                "used_at": event.started_at,
            }
            return [Write(_INSERT, row, id)]
        case SessionRefreshed():
            return [Write(_USED, {"id": id, "at": event.refreshed_at}, id)]
        case RefreshTokenReused():
            return []
        case SessionEnded():
            at = event.ended_at
            return [Write(_DELETE, {"id": id}, id), Write(_ENDED, {"id": id, "at": at}, id)]
        case _:
            assert_never(event)


SESSIONS = ReadModel(SessionEvent, project, name="sessions", tables=(sessions, ended_sessions))


@dataclass(frozen=True)
class SessionRow:
    """One live session as it is read."""

    session_id: UUID
    account_id: UUID
    device: str
    place: str
    started_at: datetime
    used_at: datetime


@dataclass(frozen=True)
class EndedRow:
    """A session that ended, and when."""

    session_id: UUID
    ended_at: datetime


async def live_sessions(
    database: Database, account_id: UUID, *, used_after: datetime, started_after: datetime
) -> list[SessionRow]:
    """The account's sessions that can still be refreshed, the one used last first."""
    rows = await database.fetch(
        _OF_ACCOUNT, account_id=account_id, used_after=used_after, started_after=started_after
    )
    return [SessionRow(**row) for row in rows]


async def locked_sessions(transaction: Transaction, account_id: UUID) -> Sequence[UUID]:
    """The account's sessions, which nobody else changes until the transaction ends."""
    rows = await transaction.fetch(_IDS_OF_ACCOUNT, account_id=account_id)
    return [row["session_id"] for row in rows]


async def lock_session(transaction: Transaction, session_id: UUID) -> UUID | None:
    """Whose session it is, while nobody else changes it; None when it is over or unknown."""
    row = await transaction.fetch_one(_LOCK, id=session_id)
    return row["account_id"] if row else None


async def ended_since(database: Database, since: datetime) -> list[EndedRow]:
    """The sessions that ended after this time."""
    return [EndedRow(**row) for row in await database.fetch(_ENDED_SINCE, since=since)]
