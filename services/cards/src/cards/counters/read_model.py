"""A row for each card and day that had visitors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import ARRAY, insert

from cards.counters.events import CountersEvent, Counts

_KINDS = tuple(field.name for field in fields(Counts))

card_visits = sa.Table(
    "card_visits",
    sa.MetaData(),
    sa.Column("card_id", sa.Uuid, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    *(sa.Column(kind, sa.BigInteger, nullable=False) for kind in _KINDS),
)
_new = insert(card_visits).values(
    {c.name: sa.bindparam(c.name, type_=c.type) for c in card_visits.c}
)
_ADD = Statement(
    _new.on_conflict_do_update(
        index_elements=["card_id", "day"],
        set_={kind: card_visits.c[kind] + _new.excluded[kind] for kind in _KINDS},
    )
)
_card = card_visits.c.card_id == sa.bindparam("card", type_=sa.Uuid)
_DAYS = Statement(
    sa.select(card_visits)
    .where(_card, card_visits.c.day >= sa.bindparam("since", type_=sa.Date))
    .order_by(card_visits.c.day)
)
_sums = (sa.func.coalesce(sa.func.sum(card_visits.c[kind]), 0) for kind in _KINDS)
_totals = [sa.cast(total, sa.BigInteger).label(k) for k, total in zip(_KINDS, _sums, strict=True)]
_TOTAL = Statement(sa.select(*_totals).where(_card))
_of_cards = card_visits.c.card_id == sa.any_(sa.bindparam("cards", type_=ARRAY(sa.Uuid)))
_DAYS_OF_CARDS = Statement(
    sa.select(card_visits.c.day, *_totals)
    .where(_of_cards, card_visits.c.day >= sa.bindparam("since", type_=sa.Date))
    .group_by(card_visits.c.day)
    .order_by(card_visits.c.day)
)
_TOTAL_OF_CARDS = Statement(sa.select(*_totals).where(_of_cards))


def project(event: CountersEvent, stamp: Stamp) -> list[Write]:
    """One more on the day's row."""
    row = {"card_id": event.card_id, "day": event.day, **asdict(event.counts)}
    return [Write(_ADD, row, key=(event.card_id, event.day))]


CARD_VISITS = ReadModel(CountersEvent, project, name="card_visits", tables=(card_visits,))


@dataclass(frozen=True)
class DayOfVisits:
    """What one day came to, in UTC."""

    day: date
    counts: Counts


async def visits_of(
    database: Database, card_id: UUID, *, since: date
) -> tuple[Sequence[DayOfVisits], Counts]:
    """The days that had visitors, oldest first, and the total of all days ever."""
    async with database.reader() as reader:
        rows = await reader.fetch(_DAYS, card=card_id, since=since)
        total = await reader.fetch_one(_TOTAL, card=card_id)
    assert total is not None
    return _days(rows), Counts(*total)


async def visits_of_all(
    database: Database, card_ids: Sequence[UUID], *, since: date
) -> tuple[Sequence[DayOfVisits], Counts]:
    """The same for several cards together."""
    cards = list(card_ids)
    async with database.reader() as reader:
        rows = await reader.fetch(_DAYS_OF_CARDS, cards=cards, since=since)
        total = await reader.fetch_one(_TOTAL_OF_CARDS, cards=cards)
    assert total is not None
    return _days(rows), Counts(*total)


def _days(rows: Iterable[Mapping[str, Any]]) -> list[DayOfVisits]:
    return [DayOfVisits(row["day"], Counts(*(row[kind] for kind in _KINDS))) for row in rows]
