"""Cards to read: by address for everybody, by owner in pages, the trash apart.

Whose a handle is, and how many cards count, stands beside them in tables that no rebuild touches,
since they decide what may be written.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import Projection, ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

from cards.allowances import NO_ROOM, CardLimitReached, count_in, count_new, count_out
from cards.card_details import ERASED, CardDetails, Visibility
from cards.card_face import CardFace, face_of
from cards.cards.events import (
    CardChanged,
    CardCreated,
    CardDeleted,
    CardErased,
    CardEvent,
    CardHandleChanged,
    CardPortraitChanged,
    CardRestored,
    CardVisibilityChanged,
)
from cards.handles import ONE_CARD_EACH, HandleTaken, free_handle, take_handle
from cards.portraits import portraits

_AT = sa.DateTime(timezone=True)
cards = sa.Table(
    "cards",
    sa.MetaData(),
    sa.Column("card_id", sa.Uuid, primary_key=True),
    sa.Column("owner_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("handle", sa.Text),
    sa.Column("visibility", sa.Text, nullable=False),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("updated_at", _AT, nullable=False),
    sa.Column("deleted_at", _AT),
    sa.Index("cards_by_owner", "owner_id", "card_id"),
    sa.Index("cards_by_slug", "slug"),
    sa.Index("cards_by_handle", "handle"),
)
_id = cards.c.card_id == sa.bindparam("id", type_=sa.Uuid)
_version: sa.BindParameter[int] = sa.bindparam("new_version", type_=sa.Integer)
_at: sa.BindParameter[datetime] = sa.bindparam("at", type_=_AT)
_INSERT = Statement(
    insert(cards).values({c.name: sa.bindparam(c.name, type_=c.type) for c in cards.c})
)
_DELETE = Statement(sa.delete(cards).where(_id))


def _update(**columns: Any) -> Statement:
    return Statement(sa.update(cards).where(_id).values(version=_version, **columns))


_CHANGE = _update(details=sa.bindparam("new_details", type_=JSONB), updated_at=_at)
_ADDRESS = _update(handle=sa.bindparam("new_handle", type_=sa.Text), updated_at=_at)
_SHOW = _update(visibility=sa.bindparam("new_visibility", type_=sa.Text), updated_at=_at)
_TOUCH = _update(updated_at=_at)
_MARK = _update(deleted_at=_at)


def project(event: CardEvent, stamp: Stamp) -> list[Write]:
    """One row a card; none for a card whose owner was erased, also when the log is read anew."""
    id = event.card_id
    mark = {"id": id, "new_version": stamp.version}
    match event:
        case CardCreated():
            return [] if event.details == ERASED else [Write(_INSERT, _row(event, stamp), id)]
        case CardChanged():
            values = {"new_details": event.details, "at": event.changed_at}
            return [Write(_CHANGE, mark | values, id)]
        case CardHandleChanged():
            values = {"new_handle": event.handle, "at": event.changed_at}
            return [Write(_ADDRESS, mark | values, id)]
        case CardVisibilityChanged():
            values = {"new_visibility": event.visibility, "at": event.changed_at}
            return [Write(_SHOW, mark | values, id)]
        case CardPortraitChanged():
            return [Write(_TOUCH, mark | {"at": event.changed_at}, id)]
        case CardDeleted() | CardRestored():
            deleted_at = event.deleted_at if isinstance(event, CardDeleted) else None
            return [Write(_MARK, mark | {"at": deleted_at}, id)]
        case CardErased():
            return [Write(_DELETE, {"id": id}, id)]
        case _:
            assert_never(event)


def _row(event: CardCreated, stamp: Stamp) -> dict[str, Any]:
    return {
        "card_id": event.card_id,
        "owner_id": event.owner_id,
        "version": stamp.version,
        "details": event.details,
        "slug": event.slug,
        "handle": event.handle,
        "visibility": event.visibility,
        "created_at": event.created_at,
        "updated_at": event.created_at,
        "deleted_at": None,
    }


CARDS = ReadModel(CardEvent, project, name="cards", tables=(cards,))


def reserve_handle(event: CardCreated | CardHandleChanged | CardErased, _: Stamp) -> list[Write]:
    """A handle is one card's alone. A card in the trash keeps its own."""
    match event:
        case CardCreated(handle=None):
            return []
        case CardCreated(handle=str(handle)) | CardHandleChanged(handle=str(handle)):
            return [take_handle(event.card_id, handle)]
        case _:
            return [free_handle(event.card_id)]


HANDLES = Projection(
    CardCreated | CardHandleChanged | CardErased, reserve_handle, {ONE_CARD_EACH: HandleTaken}
)


def count(event: CardCreated | CardDeleted | CardRestored, _: Stamp) -> list[Write]:
    """Live cards count: one more only where there is room."""
    match event:
        case CardCreated():
            return [count_new(event.owner_id)]
        case CardRestored():
            return [count_in(event.card_id)]
        case CardDeleted():
            return [count_out(event.card_id)]
        case _:
            assert_never(event)


ALLOWANCES = Projection(
    CardCreated | CardDeleted | CardRestored, count, {NO_ROOM: CardLimitReached}
)


@dataclass(frozen=True)
class CardRow:
    """One card as it is read. `portrait_id` names the picture that its owner shows."""

    card_id: UUID
    owner_id: UUID
    version: int
    details: CardDetails
    slug: str
    handle: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    portrait_id: UUID | None

    def face(self) -> CardFace:
        """What its readers meet."""
        return face_of(self, self.version, self.portrait_id)

    def is_shown_to(self, reader: UUID | None) -> bool:
        """Whether this reader, or anybody when nobody is known, may see the card."""
        return self.deleted_at is None and (self.visibility != "private" or self.owner_id == reader)


_DETAILS = TypeAdapter(CardDetails)


def _card(row: Mapping[str, Any]) -> CardRow:
    return CardRow(**{**row, "details": _DETAILS.validate_python(row["details"])})


_READ = sa.select(cards, portraits.c.change_id.label("portrait_id")).select_from(
    cards.outerjoin(portraits, portraits.c.owner_id == cards.c.owner_id)
)
_owner = cards.c.owner_id == sa.bindparam("owner", type_=sa.Uuid)
_trashed = cards.c.deleted_at.is_not(None)
_deleted = sa.bindparam("deleted", type_=sa.Boolean)
_per_page = sa.bindparam("per_page", type_=sa.Integer)
_skip = sa.bindparam("skip", type_=sa.Integer)
_key = sa.bindparam("key", type_=sa.Text)
_BY_ID = Statement(_READ.where(_id))
_BY_KEY = Statement(
    _READ.where(sa.or_(cards.c.slug == _key, cards.c.handle == _key))
    .order_by((cards.c.slug == _key).desc())  # nobody's handle covers another card's slug
    .limit(sa.literal(1))
)
_newest_first = cards.c.card_id.desc()
_any_or = sa.or_(_deleted.is_(None), _trashed == _deleted)


def _page(*conditions: sa.ColumnElement[bool]) -> tuple[Statement, Statement]:
    """A page, and how many there are in all."""
    page = _READ.where(*conditions).order_by(_newest_first)
    number = sa.select(sa.func.count()).select_from(cards).where(*conditions)
    return Statement(page.limit(_per_page).offset(_skip)), Statement(number)


_OF_OWNER, _NUMBER_OF_OWNER = _page(_owner, _trashed == _deleted)
_ALL, _NUMBER = _page(_any_or)
_ALL_OF_OWNER = Statement(_READ.where(_owner).order_by(cards.c.card_id))
_IDS = Statement(sa.select(cards.c.card_id).where(_owner).order_by(cards.c.card_id))
_NEXT = Statement(
    _READ.where(cards.c.card_id > sa.bindparam("id", type_=sa.Uuid))
    .order_by(cards.c.card_id)
    .limit(_per_page)
)
BATCH = 500


async def card_by_id(database: Database, id: UUID) -> CardRow | None:
    """The card, also one in the trash."""
    row = await database.fetch_one(_BY_ID, id=id)
    return _card(row) if row else None


async def card_at(database: Database, key: str) -> CardRow | None:
    """The card with this id, slug or handle, also one in the trash."""
    try:
        return await card_by_id(database, UUID(key))
    except ValueError:
        if not (key.isascii() and key.replace("-", "").isalnum()):
            return None
        row = await database.fetch_one(_BY_KEY, key=key.lower())
        return _card(row) if row else None


async def cards_of(
    database: Database, owner: UUID, *, deleted: bool, per_page: int, skip: int
) -> tuple[list[CardRow], int]:
    """One page of an owner's cards, newest first, and how many there are."""
    which: dict[str, Any] = {"owner": owner, "deleted": deleted}
    return await _read(database, _OF_OWNER, _NUMBER_OF_OWNER, which, per_page, skip)


async def all_cards(
    database: Database, *, deleted: bool | None, per_page: int, skip: int
) -> tuple[list[CardRow], int]:
    """One page of everybody's cards, newest first; `deleted` chooses the trash or the others."""
    return await _read(database, _ALL, _NUMBER, {"deleted": deleted}, per_page, skip)


async def _read(
    database: Database,
    page: Statement,
    number: Statement,
    which: dict[str, Any],
    per_page: int,
    skip: int,
) -> tuple[list[CardRow], int]:
    async with database.reader() as reader:
        rows = await reader.fetch(page, **which, per_page=per_page, skip=skip)
        found = await reader.fetch_one(number, **which)
    assert found is not None
    return [_card(row) for row in rows], found[0]


async def every_card(database: Database) -> AsyncIterator[CardRow]:
    """All cards, the oldest first, read in batches: as many as there may be."""
    last = UUID(int=0)
    while rows := await database.fetch(_NEXT, id=last, per_page=BATCH):
        for row in rows:
            yield _card(row)
        last = rows[-1]["card_id"]


async def all_cards_of(database: Database, owner: UUID) -> list[CardRow]:
    """All cards of an owner, those in the trash too, oldest first."""
    return [_card(row) for row in await database.fetch(_ALL_OF_OWNER, owner=owner)]


async def card_ids_of(transaction: Transaction, owner: UUID) -> Sequence[UUID]:
    """All cards of an owner, those in the trash too."""
    return [row["card_id"] for row in await transaction.fetch(_IDS, owner=owner)]
