"""What happened to an account, readable: the audit trail, for its owner and for administrators.

A row an event, without what the event says of the person; only a device's name is kept, and goes
when the account is erased. The rest stays, so that it can be told who did what even then.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.problems import FieldError, Invalid
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert

from auth.accounts.events import (
    AccountErased,
    AccountEvent,
    AccountRenamed,
    AdministrationEvent,
    PasswordRehashed,
)
from auth.profiles.events import ProfileEvent
from auth.sessions.events import SessionEnded, SessionEvent, SessionRefreshed, SessionStarted

ActivityEvent = AccountEvent | SessionEvent | ProfileEvent

LONGEST_CURSOR = 200

activity = sa.Table(
    "activity",
    sa.MetaData(),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("by", sa.Uuid),
    sa.Column("reason", sa.Text),
    sa.Column("device", sa.Text),
    sa.PrimaryKeyConstraint("account_id", "at", "stream", "version"),
)
_INSERT = Statement(insert(activity).values({c.name: sa.bindparam(c.name) for c in activity.c}))
_OF_ACCOUNT = activity.c.account_id == sa.bindparam("id")
_FORGET = Statement(
    sa.update(activity).where(_OF_ACCOUNT, activity.c.device.is_not(None)).values(device=sa.null())
)
_ORDER = (activity.c.at, activity.c.stream, activity.c.version)
_NEWEST = (
    sa.select(activity)
    .where(_OF_ACCOUNT)
    .order_by(*(column.desc() for column in _ORDER))
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_FIRST = Statement(_NEWEST)
_AFTER = Statement(
    _NEWEST.where(
        sa.tuple_(*_ORDER)
        < sa.tuple_(
            sa.bindparam("at", type_=sa.DateTime(timezone=True)),
            sa.bindparam("stream", type_=sa.Text),
            sa.bindparam("version", type_=sa.Integer),
        )
    )
)


def project(event: ActivityEvent, stamp: Stamp) -> list[Write]:
    """One row an event; none for what nobody did: tokens renewed, hashes brought up to date."""
    if isinstance(event, SessionRefreshed | PasswordRehashed):
        return []
    id = event.account_id
    row = {
        "account_id": id,
        "at": _at(event),
        "stream": stamp.stream,
        "version": stamp.version,
        "what": event.type_name.removeprefix("auth."),
        "by": _by(event),
        "reason": event.reason if isinstance(event, SessionEnded) else None,
        "device": (event.device or None) if isinstance(event, SessionStarted) else None,
    }
    forget = [Write(_FORGET, {"id": id}, id)] if isinstance(event, AccountErased) else []
    return [*forget, Write(_INSERT, row, id)]


def _at(event: ActivityEvent) -> datetime:
    """Every event ends with the time at which it happened, under a name of its own."""
    *_, at = vars(event).values()
    assert isinstance(at, datetime)
    return at


def _by(event: ActivityEvent) -> UUID | None:
    """Who did it: who the event says, None the system or the command line, else the owner."""
    if isinstance(event, AdministrationEvent | AccountRenamed | SessionEnded):
        return event.by
    return event.account_id


ACTIVITY = ReadModel(ActivityEvent, project, name="activity", tables=(activity,))


class Activity(BaseModel):
    """One thing that happened as its owner reads it, by `you`, an `administrator` or the
    `system`: not which administrator."""

    what: str
    at: datetime
    by: Literal["you", "administrator", "system"]
    reason: str | None
    device: str | None


@dataclass(frozen=True)
class ActivityRow:
    """One thing that happened. `by` is the account that did it, None the system."""

    account_id: UUID
    at: datetime
    stream: str
    version: int
    what: str
    by: UUID | None
    reason: str | None
    device: str | None

    def told(self) -> Activity:
        """To the owner."""
        by: Literal["you", "administrator", "system"] = "system"
        if self.by is not None:
            by = "you" if self.by == self.account_id else "administrator"
        return Activity(what=self.what, at=self.at, by=by, reason=self.reason, device=self.device)


class UnknownCursor(Invalid):
    """`after` is not what an earlier answer called `next`."""

    code = "unknown_cursor"

    def __init__(self) -> None:
        detail = "`after` is not a cursor of an earlier answer."
        super().__init__(detail, errors=[FieldError("/after", "unknown_cursor", detail)])


async def activity_of(
    database: Database, account_id: UUID, *, limit: int, after: str | None = None
) -> tuple[list[ActivityRow], str | None]:
    """What happened, newest first, and the cursor of what is older. Raises `UnknownCursor`."""
    # one more than asked for tells whether there is more
    if after is None:
        rows = await database.fetch(_FIRST, id=account_id, limit=limit + 1)
    else:
        at, stream, version = _opened(after)
        rows = await database.fetch(
            _AFTER, id=account_id, limit=limit + 1, at=at, stream=stream, version=version
        )
    found = [ActivityRow(**row) for row in rows]
    return found[:limit], _cursor(found[limit - 1]) if len(found) > limit else None


async def whole_activity_of(database: Database, account_id: UUID) -> Sequence[ActivityRow]:
    """All that happened, newest first."""
    found: list[ActivityRow] = []
    cursor = None
    while True:
        page, cursor = await activity_of(database, account_id, limit=1_000, after=cursor)
        found += page
        if cursor is None:
            return found


def _cursor(row: ActivityRow) -> str:
    place = f"{row.at.isoformat()} {row.version} {row.stream}"
    return urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def _opened(cursor: str) -> tuple[datetime, str, int]:
    try:
        place = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        at, version, stream = place.split(" ")
        return datetime.fromisoformat(at), stream, int(version)
    except ValueError:
        raise UnknownCursor from None
