"""HTTP for administrators who change plans: make, describe, price, retire, copy."""

from collections.abc import Callable
from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.problems import FieldError, Invalid
from common.service import Admin, IfMatch, etag
from fastapi import APIRouter
from starlette.responses import Response

from billing.catalogue import CataloguePlan
from billing.plan_form import (
    NewPlan,
    NewPrices,
    PlanChanges,
    PlanOut,
    details_of,
    plan_out,
)
from billing.plans.commands import (
    ChangePlan,
    CreatePlan,
    PlanCommand,
    ReactivatePlan,
    RetirePlan,
    SetPlanPrices,
)
from billing.plans.decider import PLAN, Plan, PlanState, RetiredPlan
from billing.resources import Billing, Service

router = APIRouter(prefix="/api/v1/admin/tarif-plans", tags=["administration"])


class NoSlug(Invalid):
    """The name has no letter or digit of which a slug can be made."""

    code = "slug_required"
    detail = "Give the plan a slug: its name has no letter a to z and no digit."


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
        return Answer(status, told_as, headers_of_plan(plan.plan_id, version, status))

    return answer


def headers_of_plan(plan_id: UUID, version: int, status: int) -> dict[str, str]:
    headers = {"ETag": etag(version), "Cache-Tags": f"plan/{plan_id}, plan"}
    if status == 201:
        headers["Location"] = f"/api/v1/admin/tarif-plans/{plan_id}"
    return headers
