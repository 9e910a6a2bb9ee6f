"""HTTP for administrators who look at plans, and at how many people have them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from common.problems import NotFound
from common.service import Admin, Page, Paging, etag
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from billing.plan_form import PlanOut, plan_out
from billing.plans.read_model import PlanRow, all_plans, plan_by_key
from billing.resources import Service
from billing.views.how_many_subscribe import subscribers_of

router = APIRouter(prefix="/api/v1/admin/tarif-plans", tags=["administration"])

UNKEPT = {"Cache-Control": "private, no-store"}


class ListedPlan(PlanOut):
    """A plan and how many live subscriptions it has."""

    subscriber_count: int


@router.get("", response_model=Page[ListedPlan])
@router.get("/", response_model=Page[ListedPlan], include_in_schema=False)
async def list_plans(
    _: Admin,
    paging: Paging,
    service: Service,
    status: Annotated[Literal["active", "retired"] | None, Query()] = None,
) -> Response:
    """All plans, newest first."""
    database = service.kernel.database
    rows, total = await all_plans(
        database,
        retired=None if status is None else status == "retired",
        per_page=paging.per_page,
        skip=paging.offset,
    )
    counted = await subscribers_of(database, [row.plan.plan_id for row in rows])
    items = [_told(row, counted) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/{key}", response_model=ListedPlan)
async def get_plan(key: str, _: Admin, service: Service) -> Response:
    """One plan, by its id or slug, also a retired one."""
    row = await plan_by_key(service.kernel.database, key)
    if row is None:
        raise NotFound
    counted = await subscribers_of(service.kernel.database, [row.plan.plan_id])
    return JSONResponse(_told(row, counted), headers={**UNKEPT, "ETag": etag(row.version)})


def _told(row: PlanRow, counted: Mapping[UUID, int]) -> dict[str, Any]:
    told = plan_out(row.plan, row.created_at, row.updated_at)
    return {**told, "subscriber_count": counted.get(row.plan.plan_id, 0)}
