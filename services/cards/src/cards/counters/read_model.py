"""A row for each card and day that had visitors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

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
_TOTAL = Statement(
    sa.select(
        *(sa.cast(total, sa.BigInteger).label(k) for k, total in zip(_KINDS, _sums, strict=True))
    ).where(_card)
)


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
    days = [DayOfVisits(row["day"], Counts(*(row[kind] for kind in _KINDS))) for row in rows]
    return days, Counts(*total)
