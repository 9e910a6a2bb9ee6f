"""HTTP for administrators who make plans out of others: one, or many at once."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID, uuid5

from common.command_handling import Answer, Handled, Then
from common.database import Transaction
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.problems import NotFound
from common.service import Admin
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from billing.catalogue import CataloguePlan
from billing.plan_details import NewPrice, current_price
from billing.plan_form import STRICT, Name, PlanOut, plan_out
from billing.plan_routes import headers_of_plan
from billing.plans.commands import AttachPlan, CreatePlan, PlanCommand, RetirePlan
from billing.plans.decider import PLAN, PlanState
from billing.plans.read_model import PlanRow, plan_by_id
from billing.resources import Billing, Service
from billing.slugs import LONGEST, Slug, SlugTaken
from billing.steps import once

router = APIRouter(prefix="/api/v1/admin/tarif-plans", tags=["administration"])

MOST_AT_ONCE = 50
MOST_SLUGS = 100
"""How many copies of one plan may be called after it."""


class Copy(
    BaseModel, json_schema_extra={"examples": [{"name": "Pro for schools", "slug": "pro-schools"}]}
):
    """How the copy is called; unsaid, as the plan with `copy` behind it."""

    model_config = STRICT

    name: Name | None = None
    slug: Slug | None = None


class Copies(
    BaseModel,
    json_schema_extra={"examples": [{"plan_ids": ["0199a7c0-0000-7000-8000-000000000001"]}]},
):
    """Which plans to copy."""

    model_config = STRICT

    plan_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]


class CopiesOut(BaseModel):
    """The copies in the order that was asked for; `skipped` are no plans."""

    items: list[PlanOut]
    skipped: list[UUID]


@router.post("/bulk/copy", status_code=201, response_model=CopiesOut)
async def copy_plans(body: Copies, _: Admin, cause: RequestCause, service: Service) -> Response:
    """Copies of several plans, each as `copy` makes it; what is no plan is skipped."""

    async def work() -> Answer:
        items, skipped = [], []
        for plan_id in dict.fromkeys(body.plan_ids):
            row = await plan_by_id(service.kernel.database, plan_id)
            if row is None:
                skipped.append(str(plan_id))
            else:
                items.append(_told(await _copied(service, row, cause)))
        return Answer(201, {"items": items, "skipped": skipped}, {"Cache-Tags": "plan"})

    return await once(service.kernel.commands, cause, f"copies-{cause.command_id}", work)


@router.post("/{plan_id}/copy", status_code=201, response_model=PlanOut)
async def copy_plan(
    plan_id: UUID, body: Copy, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """A plan like this one, at today's prices and in the same categories; retired, until somebody
    has looked at it and activates it."""
    row = await plan_by_id(service.kernel.database, plan_id)
    if row is None:
        raise NotFound
    # the same for a repeat, which therefore finds the copy that it made
    id = uuid5(cause.command_id, "copy")
    name = body.name or _name_of(row)
    slug = body.slug or _slug_of(row)
    handled = await _copy(service, row, id, (name, slug), cause)
    copy = await plan_by_id(service.kernel.database, id)
    assert copy is not None
    answer = Answer(201, _told(copy), headers_of_plan(id, copy.version, 201))
    return answer_of(replace(handled, answer=answer))


async def _copied(service: Billing, row: PlanRow, cause: Cause) -> PlanRow:
    """The plan's copy, under the first slug that is free; made already, it is found."""
    id = uuid5(cause.command_id, f"copy {row.plan.plan_id}")
    for n in range(1, MOST_SLUGS + 1):
        if (copy := await plan_by_id(service.kernel.database, id)) is not None:
            return copy
        part = replace(cause, command_id=uuid5(id, str(n)), fingerprint=None)
        try:
            await _copy(service, row, id, (_name_of(row), _slug_of(row, n)), part)
        except SlugTaken:
            continue
    raise SlugTaken


def _name_of(row: PlanRow) -> str:
    return f"{row.plan.details.name[:90]} (copy)"


def _slug_of(row: PlanRow, n: int = 1) -> str:
    """The n-th that is made of the plan's, cut where it would be too long."""
    end = "-copy" if n == 1 else f"-copy-{n}"
    return row.plan.slug[: LONGEST - len(end)].rstrip("-") + end


async def _copy(
    service: Billing, row: PlanRow, id: UUID, called: tuple[str, str], cause: Cause
) -> Handled[PlanState]:
    plan, (name, slug) = row.plan, called
    details = replace(plan.details, name=name)
    command = CreatePlan(id, slug, plan.family, plan.term, details, _prices_of(plan), cause.now)
    then = _finished(service, id, plan.categories, cause)
    return await service.kernel.commands.handle(PLAN, id, command, cause, then=then)


def _prices_of(plan: CataloguePlan) -> tuple[NewPrice, ...]:
    currencies = dict.fromkeys(price.price.currency for price in plan.prices)
    current = (current_price(plan.prices, currency) for currency in currencies)
    return tuple(NewPrice(price.price, price.tax) for price in current if price is not None)


def _finished(service: Billing, plan_id: UUID, categories: tuple[UUID, ...], cause: Cause) -> Then:
    """Puts a copy where its pattern stands, and retires it."""

    async def then(transaction: Transaction) -> None:
        commands: list[PlanCommand] = [AttachPlan(plan_id, id, cause.now) for id in categories]
        for n, command in enumerate([*commands, RetirePlan(plan_id, cause.now)]):
            part = replace(cause, command_id=uuid5(cause.command_id, str(n)), fingerprint=None)
            await service.kernel.commands.handle_in(transaction, PLAN, plan_id, command, part)

    return then


def _told(row: PlanRow) -> dict[str, object]:
    return plan_out(row.plan, row.created_at, row.updated_at)
