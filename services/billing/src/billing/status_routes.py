"""HTTP for seed 003's clients: whether somebody is subscribed, at a glance."""

from datetime import datetime
from typing import Any

from common.money import Money
from common.service import Caller
from fastapi import APIRouter
from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from billing.resources import Service
from billing.subscription_form import UNKEPT
from billing.subscriptions.read_model import LIVE, SubscriptionRow, subscriptions_in

router = APIRouter(prefix="/api/v1/subscription", tags=["subscriptions"])


class SubscriptionData(BaseModel):
    """The newest live subscription, in that seed's names."""

    id: str
    status: str
    currentPeriodStart: datetime | None
    currentPeriodEnd: datetime | None
    cancelAtPeriodEnd: bool
    priceId: str
    amount: int
    currency: str
    interval: str
    intervalCount: int


class StatusOut(BaseModel):
    """Whether there is a live subscription, and whether it is a trial."""

    isSubscribed: bool
    trialActive: bool
    subscriptionData: SubscriptionData | None


@router.get("/status", response_model=StatusOut)
async def subscription_status(caller: Caller, service: Service) -> Response:
    """Whether the caller is subscribed."""
    rows = await subscriptions_in(service.kernel.database, caller.account_id, LIVE)
    told = {
        "isSubscribed": bool(rows),
        "trialActive": any(row.status == "trialing" for row in rows),
        "subscriptionData": _data(rows[0]) if rows else None,
    }
    return JSONResponse(to_jsonable_python(told), headers=UNKEPT)


def _data(row: SubscriptionRow) -> dict[str, Any]:
    price: Money = row.terms.price
    return {
        "id": str(row.subscription_id),
        "status": row.status,
        "currentPeriodStart": row.period_starts_at,
        "currentPeriodEnd": row.period_ends_at,
        "cancelAtPeriodEnd": row.cancel_at_period_end,
        "priceId": row.terms.slug,
        "amount": price.amount,
        "currency": price.currency.lower(),
        "interval": row.terms.term.interval,
        "intervalCount": row.terms.term.count,
    }
