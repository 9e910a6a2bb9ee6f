"""How many people have each plan: what somebody who retires or reprices one wants to know."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.statements import Statement

from billing.subscriptions.read_model import LIVE, subscriptions

_plan = subscriptions.c.terms["plan_id"].as_string()
_COUNT = Statement(
    sa.select(_plan.label("plan_id"), sa.func.count().label("number"))
    .where(
        subscriptions.c.status == sa.any_(sa.bindparam("states", type_=sa.ARRAY(sa.Text))),
        _plan == sa.any_(sa.bindparam("plans", type_=sa.ARRAY(sa.Text))),
    )
    .group_by(sa.literal_column("1"))
)


async def subscribers_of(database: Database, plan_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """The live subscriptions of each of these plans; a plan without one is not named."""
    plans = [str(id) for id in plan_ids]
    rows = await database.fetch(_COUNT, states=list(LIVE), plans=plans)
    return {UUID(row["plan_id"]): row["number"] for row in rows}
