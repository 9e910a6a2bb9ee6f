"""Cards to read: by id for everybody, by owner in pages, the trash apart."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import JSONB, insert

from cards.cards.events import (
    ERASED,
    CardChanged,
    CardCreated,
    CardDeleted,
    CardErased,
    CardEvent,
    CardRestored,
)

cards = sa.Table(
    "cards",
    sa.MetaData(),
    sa.Column("card_id", sa.Uuid, primary_key=True),
    sa.Column("owner_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Index("cards_by_owner", "owner_id", "card_id"),
)
_id = cards.c.card_id == sa.bindparam("id")
_version: sa.BindParameter[int] = sa.bindparam("new_version", type_=sa.Integer)
_INSERT = Statement(
    insert(cards).values({c.name: sa.bindparam(c.name, type_=c.type) for c in cards.c})
)
_CHANGE = Statement(
    sa.update(cards)
    .where(_id)
    .values(
        version=_version,
        details=sa.bindparam("new_details", type_=JSONB),
        updated_at=sa.bindparam("at"),
    )
)
_MARK = Statement(
    sa.update(cards).where(_id).values(version=_version, deleted_at=sa.bindparam("at"))
)
_DELETE = Statement(sa.delete(cards).where(_id))
_BY_ID = Statement(sa.select(cards).where(_id))
_owner = cards.c.owner_id == sa.bindparam("owner")
_trashed = (cards.c.deleted_at.is_not(None)) == sa.bindparam("deleted", type_=sa.Boolean)
_PAGE = Statement(
    sa.select(cards)
    .where(_owner, _trashed)
    .order_by(cards.c.card_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_COUNT = Statement(sa.select(sa.func.count()).select_from(cards).where(_owner, _trashed))
_OF_OWNER = Statement(sa.select(cards.c.card_id).where(_owner).order_by(cards.c.card_id))


def project(event: CardEvent, stamp: Stamp) -> list[Write]:
    """One row a card; none for a card whose owner was erased, also when the log is read anew."""
    id = event.card_id
    match event:
        case CardCreated():
            if event.details == ERASED:
                return []
            row = {
                "card_id": id,
                "owner_id": event.owner_id,
                "version": stamp.version,
                "details": asdict(event.details),
                "created_at": event.created_at,
                "updated_at": event.created_at,
                "deleted_at": None,
            }
            return [Write(_INSERT, row, id)]
        case CardChanged():
            values = {"new_details": asdict(event.details), "at": event.changed_at}
            return [Write(_CHANGE, {"id": id, "new_version": stamp.version, **values}, id)]
        case CardDeleted():
            mark = {"id": id, "new_version": stamp.version, "at": event.deleted_at}
            return [Write(_MARK, mark, id)]
        case CardRestored():
            return [Write(_MARK, {"id": id, "new_version": stamp.version, "at": None}, id)]
        case CardErased():
            return [Write(_DELETE, {"id": id}, id)]
        case _:
            assert_never(event)


CARDS = ReadModel(CardEvent, project, name="cards", tables=(cards,))


@dataclass(frozen=True)
class CardRow:
    """One card as it is read."""

    card_id: UUID
    owner_id: UUID
    version: int
    details: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


async def live_card(database: Database, id: UUID) -> CardRow | None:
    """The card, unless it is unknown or in the trash."""
    row = await database.fetch_one(_BY_ID, id=id)
    found = CardRow(**row) if row else None
    return found if found and found.deleted_at is None else None


async def cards_of(
    database: Database, owner: UUID, *, deleted: bool, per_page: int, skip: int
) -> tuple[list[CardRow], int]:
    """One page of an owner's cards, newest first, and how many there are."""
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, owner=owner, deleted=deleted, per_page=per_page, skip=skip)
        count = await reader.fetch_one(_COUNT, owner=owner, deleted=deleted)
    assert count is not None
    return [CardRow(**row) for row in rows], count[0]


async def card_ids_of(transaction: Transaction, owner: UUID) -> Sequence[UUID]:
    """All cards of an owner, those in the trash too."""
    return [row["card_id"] for row in await transaction.fetch(_OF_OWNER, owner=owner)]
