"""Plans to read: by id and by slug, with all prices that they ever had."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import Projection, ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

from billing.catalogue import CataloguePlan
from billing.plan_details import PriceVersion
from billing.plans.events import (
    PlanAttached,
    PlanChanged,
    PlanCreated,
    PlanDetached,
    PlanEvent,
    PlanPriceSet,
    PlanReactivated,
    PlanRetired,
)
from billing.slugs import PLANS_SLUG, SlugTaken, is_slug, take_for_plan

_AT = sa.DateTime(timezone=True)
plans = sa.Table(
    "plans",
    sa.MetaData(),
    sa.Column("plan_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("family", sa.Text, nullable=False),
    sa.Column("term", JSONB, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Column("prices", JSONB, nullable=False),
    sa.Column("categories", JSONB, nullable=False),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("updated_at", _AT, nullable=False),
    sa.Column("retired_at", _AT),
    sa.Index("plans_by_slug", "slug"),
)
_id = plans.c.plan_id == sa.bindparam("id", type_=sa.Uuid)
_json: sa.BindParameter[Any] = sa.bindparam("json", type_=JSONB)
_at: sa.BindParameter[datetime] = sa.bindparam("at", type_=_AT)
_INSERT = Statement(
    insert(plans).values({c.name: sa.bindparam(c.name, type_=c.type) for c in plans.c})
)


def _update(**columns: Any) -> Statement:
    version = sa.bindparam("new_version", type_=sa.Integer)
    changed = sa.update(plans).where(_id).values(version=version, updated_at=_at, **columns)
    return Statement(changed)


_CHANGE = _update(details=_json)
_PRICE = _update(prices=plans.c.prices.concat(_json))
_ATTACH = _update(categories=plans.c.categories.concat(_json))
_DETACH = _update(categories=plans.c.categories.op("-")(sa.bindparam("category", type_=sa.Text)))
_RETIRE = _update(retired_at=_at)
_REACTIVATE = _update(retired_at=sa.null())


def project(event: PlanEvent, stamp: Stamp) -> list[Write]:
    """One row a plan."""
    match event:
        case PlanCreated():
            return [Write(_INSERT, _row(event, stamp), event.plan_id)]
        case PlanChanged(id, details, at):
            return [_write(_CHANGE, id, stamp, at, json=asdict(details))]
        case PlanPriceSet(id, version, price, tax, existing_from, at):
            one = PriceVersion(version, price, tax, existing_from, at)
            return [_write(_PRICE, id, stamp, at, json=_PRICES.dump_python([one], mode="json"))]
        case PlanAttached(id, category_id, at):
            return [_write(_ATTACH, id, stamp, at, json=[str(category_id)])]
        case PlanDetached(id, category_id, at):
            return [_write(_DETACH, id, stamp, at, category=str(category_id))]
        case PlanRetired(id, at):
            return [_write(_RETIRE, id, stamp, at)]
        case PlanReactivated(id, at):
            return [_write(_REACTIVATE, id, stamp, at)]
        case _:
            assert_never(event)


def _write(statement: Statement, id: UUID, stamp: Stamp, at: datetime, **values: Any) -> Write:
    return Write(statement, {"id": id, "new_version": stamp.version, "at": at, **values}, id)


def _row(event: PlanCreated, stamp: Stamp) -> dict[str, Any]:
    return {
        "plan_id": event.plan_id,
        "version": stamp.version,
        "slug": event.slug,
        "family": event.family,
        "term": asdict(event.term),
        "details": asdict(event.details),
        "prices": [],
        "categories": [],
        "created_at": event.created_at,
        "updated_at": event.created_at,
        "retired_at": None,
    }


PLANS = ReadModel(PlanEvent, project, name="plans", tables=(plans,))
_PRICES = TypeAdapter(list[PriceVersion])
_PLAN = TypeAdapter(CataloguePlan)


def reserve_slug(event: PlanCreated, _: Stamp) -> list[Write]:
    """A slug is one plan's alone."""
    return [take_for_plan(event.plan_id, event.slug)]


PLAN_SLUGS = Projection(PlanCreated, reserve_slug, {PLANS_SLUG: SlugTaken})


@dataclass(frozen=True)
class PlanRow:
    """A plan as it is read."""

    plan: CataloguePlan
    version: int
    created_at: datetime
    updated_at: datetime


def _plan(row: Mapping[str, Any]) -> PlanRow:
    values = dict(row)
    known = {name: values.pop(name) for name in ("version", "created_at", "updated_at")}
    return PlanRow(_PLAN.validate_python(values), **known)


_order = (plans.c.details["sort_order"].as_integer(), plans.c.slug)
_retired = sa.bindparam("retired", type_=sa.Boolean)
_wanted = sa.or_(_retired.is_(None), plans.c.retired_at.is_not(None) == _retired)
_BY_ID = Statement(sa.select(plans).where(_id))
_BY_SLUG = Statement(sa.select(plans).where(plans.c.slug == sa.bindparam("slug", type_=sa.Text)))
_OFFERED = Statement(sa.select(plans).where(plans.c.retired_at.is_(None)).order_by(*_order))
_PAGE = Statement(
    sa.select(plans)
    .where(_wanted)
    .order_by(plans.c.plan_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(plans).where(_wanted))
_category = sa.func.jsonb_build_array(sa.bindparam("category", type_=sa.Text))
_IN_CATEGORY = Statement(
    sa.select(plans.c.plan_id)
    .where(plans.c.categories.op("@>", is_comparison=True)(_category))
    .limit(sa.literal(1))
)


async def plan_by_key(database: Database, key: str) -> PlanRow | None:
    """The plan with this id or slug, also a retired one."""
    try:
        return await plan_by_id(database, UUID(key))
    except ValueError:
        row = await database.fetch_one(_BY_SLUG, slug=key) if is_slug(key) else None
        return _plan(row) if row else None


async def plan_by_id(database: Database | Transaction, plan_id: UUID) -> PlanRow | None:
    """The plan, also a retired one."""
    row = await database.fetch_one(_BY_ID, id=plan_id)
    return _plan(row) if row else None


async def offered_plans(database: Database) -> list[PlanRow]:
    """All plans that may be subscribed to, in the order in which they are shown."""
    return [_plan(row) for row in await database.fetch(_OFFERED)]


async def all_plans(
    database: Database, *, retired: bool | None, per_page: int, skip: int
) -> tuple[list[PlanRow], int]:
    """One page of plans, newest first, and how many there are."""
    which: dict[str, Any] = {"retired": retired}
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, **which, per_page=per_page, skip=skip)
        found = await reader.fetch_one(_NUMBER, **which)
    assert found is not None
    return [_plan(row) for row in rows], found[0]


async def has_plans(transaction: Transaction, category_id: UUID) -> bool:
    """Whether any plan stands in this category."""
    return bool(await transaction.fetch(_IN_CATEGORY, category=str(category_id)))
