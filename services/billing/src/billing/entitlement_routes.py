"""HTTP for what the caller's subscriptions give."""

from common.service import Caller
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from billing.resources import Service
from billing.views.what_an_account_may_do import entitlements_of

router = APIRouter(tags=["entitlements"])


class EntitlementsOut(BaseModel):
    """Features, of each limit the largest number that any plan gives, and the plans' slugs."""

    features: list[str]
    limits: dict[str, int]
    plans: list[str]


@router.get("/api/v1/user/entitlements", response_model=EntitlementsOut)
async def get_entitlements(caller: Caller, service: Service) -> Response:
    """What the caller may do at this moment."""
    found = await entitlements_of(service.kernel.database, caller.account_id)
    told = {
        "features": found.features,
        "limits": dict(found.limits),
        "plans": found.plans,
    }
    return JSONResponse(told, headers={"Cache-Control": "private, no-store"})
