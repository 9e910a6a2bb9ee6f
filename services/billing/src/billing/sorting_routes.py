"""HTTP for administrators who sort plans into categories, and do away with empty ones."""

from dataclasses import replace
from uuid import UUID, uuid5

from common.command_handling import Answer, Then
from common.database import Transaction
from common.event_store import Cause, DuplicateCommand, VersionConflict
from common.idempotency import RequestCause, answer_of
from common.problems import Conflict, NotFound
from common.service import Admin, IfMatch
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from billing.catalogue import PlanUnknown
from billing.categories.commands import DeleteCategory
from billing.categories.decider import CATEGORY
from billing.categories.read_model import category_by_id, locked_tree
from billing.category_form import PlanIds
from billing.plans.commands import AttachPlan, DetachPlan
from billing.plans.decider import PLAN
from billing.plans.read_model import has_plans
from billing.resources import Billing, Service

router = APIRouter(prefix="/api/v1/admin/tarif-plan-categories", tags=["administration"])


class CategoryNotEmpty(Conflict):
    """Plans or other categories stand in it."""

    code = "category_not_empty"
    detail = "Plans or other categories stand in this category. Take them out first."


class Sorted(BaseModel):
    """Which of the plans that were named stand in the category now."""

    category_id: UUID
    plan_ids: list[UUID]


@router.delete("/{category_id}", status_code=204)
async def delete_category(
    category_id: UUID, _: Admin, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Do away with a category in which nothing stands; repeating it changes nothing."""
    handled = await service.kernel.commands.handle(
        CATEGORY,
        category_id,
        DeleteCategory(category_id, cause.now),
        cause,
        expected=if_match,
        answer=lambda _, version: Answer(204, None, _tags(category_id)),
        then=_is_empty(category_id),
    )
    return answer_of(handled)


@router.post("/{category_id}/attach-plans", response_model=Sorted)
async def attach_plans(
    category_id: UUID, body: PlanIds, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Put plans into the category: all of them or none."""
    return await _sort(service, category_id, body.plan_ids, cause, into=True)


@router.post("/{category_id}/detach-plans", response_model=Sorted)
async def detach_plans(
    category_id: UUID, body: PlanIds, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Take plans out of the category: all of them or none."""
    return await _sort(service, category_id, body.plan_ids, cause, into=False)


def _is_empty(category_id: UUID) -> Then:
    async def then(transaction: Transaction) -> None:
        tree = await locked_tree(transaction)
        if any(node.parent_id == category_id for node in tree.values()):
            raise CategoryNotEmpty
        if await has_plans(transaction, category_id):
            raise CategoryNotEmpty

    return then


async def _sort(
    service: Billing, category_id: UUID, plan_ids: list[UUID], cause: Cause, *, into: bool
) -> Response:
    """One transaction; in it the category stays, since whoever deletes it waits for its tree."""
    if await category_by_id(service.kernel.database, category_id) is None:
        raise NotFound
    wanted = sorted(set(plan_ids))
    headers = {"Cache-Tags": ", ".join([*_tags(category_id).values(), "plan"])}
    try:
        async with service.kernel.database.transaction() as transaction:
            if category_id not in await locked_tree(transaction):
                raise NotFound
            for plan_id in wanted:
                await _sort_one(service, transaction, category_id, plan_id, cause, into=into)
    except VersionConflict:
        raise Conflict from None
    except DuplicateCommand:
        headers["Idempotent-Replayed"] = "true"  # done when this came first, and maybe undone since
    there = [str(id) for id in wanted] if into else []
    return JSONResponse({"category_id": str(category_id), "plan_ids": there}, headers=headers)


async def _sort_one(
    service: Billing,
    transaction: Transaction,
    category_id: UUID,
    plan_id: UUID,
    cause: Cause,
    *,
    into: bool,
) -> None:
    part = replace(cause, command_id=uuid5(cause.command_id, f"{plan_id}"), fingerprint=None)
    commands = service.kernel.commands
    command = (AttachPlan if into else DetachPlan)(plan_id, category_id, cause.now)
    try:
        await commands.handle_in(transaction, PLAN, plan_id, command, part)
    except NotFound:
        raise PlanUnknown(f"There is no plan {plan_id}; none was moved.") from None


def _tags(category_id: UUID) -> dict[str, str]:
    return {"Cache-Tags": f"plan_category/{category_id}, plan_category"}
