"""HTTP for administrators who change plans: make, describe, price, retire, copy."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid5

from common.command_handling import Answer, Then
from common.database import Transaction
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.problems import FieldError, Invalid, NotFound
from common.service import Admin, IfMatch, etag
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from billing.catalogue import CataloguePlan
from billing.plan_details import NewPrice, current_price
from billing.plan_form import (
    STRICT,
    Name,
    NewPlan,
    NewPrices,
    PlanChanges,
    PlanOut,
    details_of,
    plan_out,
)
from billing.plans.commands import (
    AttachPlan,
    ChangePlan,
    CreatePlan,
    PlanCommand,
    ReactivatePlan,
    RetirePlan,
    SetPlanPrices,
)
from billing.plans.decider import PLAN, Plan, PlanState, RetiredPlan
from billing.plans.read_model import PlanRow, plan_by_id
from billing.resources import Billing, Service
from billing.slugs import Slug

router = APIRouter(prefix="/api/v1/admin/tarif-plans", tags=["administration"])


class NoSlug(Invalid):
    """The name has no letter or digit of which a slug can be made."""

    code = "slug_required"
    detail = "Give the plan a slug: its name has no letter a to z and no digit."


class Copy(
    BaseModel, json_schema_extra={"examples": [{"name": "Pro for schools", "slug": "pro-schools"}]}
):
    """How the copy is called; unsaid, as the plan with `copy` behind it."""

    model_config = STRICT

    name: Name | None = None
    slug: Slug | None = None


@router.post("", status_code=201, response_model=PlanOut)
@router.post("/", status_code=201, response_model=PlanOut, include_in_schema=False)
async def create_plan(body: NewPlan, _: Admin, cause: RequestCause, service: Service) -> Response:
    """Offer a plan."""
    try:
        slug = body.called()
    except ValueError:
        raise NoSlug(errors=[FieldError("/slug", "missing", NoSlug.detail)]) from None
    id = uuid7()
    prices = tuple(form.value() for form in body.prices)
    family = body.family or slug
    command = CreatePlan(id, slug, family, body.length(), details_of(body), prices, cause.now)
    return await _carry_out(service, id, command, cause, status=201)


@router.put("/{plan_id}", response_model=PlanOut, name="put_plan")
@router.patch("/{plan_id}", response_model=PlanOut)
async def change_plan(
    plan_id: UUID,
    body: PlanChanges,
    _: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Change what new subscribers get. PUT does the same: so do the clients that come over."""
    command = ChangePlan(plan_id, tuple(body.values().items()), cause.now)
    return await _carry_out(service, plan_id, command, cause, expected=if_match)


@router.post("/{plan_id}/prices", response_model=PlanOut)
async def set_plan_prices(
    plan_id: UUID,
    body: NewPrices,
    _: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Set the price in one or more currencies; those that were set stay in the plan's history."""
    command = SetPlanPrices(plan_id, tuple(form.value() for form in body.prices), cause.now)
    return await _carry_out(service, plan_id, command, cause, expected=if_match)


@router.delete("/{plan_id}", response_model=PlanOut)
@router.post("/{plan_id}/deactivate", response_model=PlanOut, name="deactivate_plan")
@router.post("/{plan_id}/archive", response_model=PlanOut, name="archive_plan")
async def retire_plan(
    plan_id: UUID, _: Admin, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Offer the plan no more; who has it keeps it. A plan is never deleted."""
    command = RetirePlan(plan_id, cause.now)
    return await _carry_out(service, plan_id, command, cause, expected=if_match)


@router.post("/{plan_id}/activate", response_model=PlanOut)
async def reactivate_plan(
    plan_id: UUID, _: Admin, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Offer a retired plan again."""
    command = ReactivatePlan(plan_id, cause.now)
    return await _carry_out(service, plan_id, command, cause, expected=if_match)


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
    plan, id = row.plan, uuid5(cause.command_id, "copy")
    name = body.name or f"{plan.details.name[:90]} (copy)"
    slug = body.slug or f"{plan.slug[:55]}-copy"
    details = replace(plan.details, name=name)
    command = CreatePlan(id, slug, plan.family, plan.term, details, _prices_of(plan), cause.now)
    then = _finished(service, id, plan.categories, cause)
    handled = await service.kernel.commands.handle(PLAN, id, command, cause, then=then)
    copy = await plan_by_id(service.kernel.database, id)
    assert copy is not None
    answer = Answer(201, _row_out(copy), _headers(id, copy.version, 201))
    return answer_of(replace(handled, answer=answer))


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


async def _carry_out(
    service: Billing,
    plan_id: UUID,
    command: PlanCommand,
    cause: Cause,
    *,
    status: int = 200,
    expected: int | None = None,
) -> Response:
    """Answer with the plan after the command."""
    handled = await service.kernel.commands.handle(
        PLAN, plan_id, command, cause, expected=expected, answer=_shown(status)
    )
    return answer_of(handled)


def _shown(status: int) -> Callable[[PlanState, int], Answer]:
    def answer(state: PlanState, version: int) -> Answer:
        plan, retired_at = (
            (state.plan, state.retired_at) if isinstance(state, RetiredPlan) else (state, None)
        )
        assert isinstance(plan, Plan)
        values = {name: value for name, value in vars(plan).items() if not name.endswith("_at")}
        told = CataloguePlan(**values, retired_at=retired_at)
        told_as = plan_out(told, plan.created_at, plan.updated_at)
        return Answer(status, told_as, _headers(plan.plan_id, version, status))

    return answer


def _headers(plan_id: UUID, version: int, status: int) -> dict[str, str]:
    headers = {"ETag": etag(version), "Cache-Tags": f"plan/{plan_id}, plan"}
    if status == 201:
        headers["Location"] = f"/api/v1/admin/tarif-plans/{plan_id}"
    return headers


def _row_out(row: PlanRow) -> dict[str, object]:
    return plan_out(row.plan, row.created_at, row.updated_at)
