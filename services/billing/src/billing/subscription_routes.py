"""HTTP for subscribers: their subscriptions, and what they may wish of them."""

from typing import Annotated, Literal
from uuid import UUID

from common.idempotency import RequestCause
from common.service import Caller, IfMatch, Page, Paging, etag, not_modified
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from billing.carrying_out import carry_out, headers_of, own_subscription
from billing.desk import desk_of
from billing.ending import void_what_is_owed
from billing.plan_form import STRICT
from billing.resources import Service
from billing.subscription_form import UNKEPT, SubscriptionOut, subscription_told
from billing.subscriptions.commands import (
    CancelSubscription,
    PauseSubscription,
    ReactivateSubscription,
    WithdrawChange,
)
from billing.subscriptions.read_model import LIVE, subscriptions_in, subscriptions_page

router = APIRouter(prefix="/api/v1/user/subscriptions", tags=["subscriptions"])


UNPAID_FOR = ("pending", "past_due", "unpaid", "paused")
"""States without a paid period to wait for the end of."""


class Cancel(BaseModel, json_schema_extra={"examples": [{"at": "period_end"}]}):
    """When: `period_end` keeps what is paid for, `now` gives it up."""

    model_config = STRICT

    at: Literal["period_end", "now"] = "period_end"


class ActiveOut(BaseModel):
    """The newest live subscription, if there is one."""

    subscription: SubscriptionOut | None


class ActiveAllOut(BaseModel):
    """All live subscriptions."""

    subscriptions: list[SubscriptionOut]


@router.get("", response_model=Page[SubscriptionOut])
@router.get("/", response_model=Page[SubscriptionOut], include_in_schema=False)
async def list_subscriptions(
    caller: Caller,
    paging: Paging,
    service: Service,
    status: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """The caller's subscriptions, newest first."""
    rows, total = await subscriptions_page(
        service.kernel.database,
        account=caller.account_id,
        status=status,
        per_page=paging.per_page,
        skip=paging.offset,
    )
    items = [subscription_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/active", response_model=ActiveOut)
async def active_subscription(caller: Caller, service: Service) -> Response:
    """The caller's newest live subscription."""
    rows = await subscriptions_in(service.kernel.database, caller.account_id, LIVE)
    told = subscription_told(rows[0]) if rows else None
    return JSONResponse({"subscription": told}, headers=UNKEPT)


@router.get("/active-all", response_model=ActiveAllOut)
async def active_subscriptions(caller: Caller, service: Service) -> Response:
    """All of the caller's live subscriptions."""
    rows = await subscriptions_in(service.kernel.database, caller.account_id, LIVE)
    told = {"subscriptions": [subscription_told(row) for row in rows]}
    return JSONResponse(told, headers=UNKEPT)


@router.get("/{subscription_id}", response_model=SubscriptionOut)
async def get_subscription(
    request: Request, subscription_id: UUID, caller: Caller, service: Service
) -> Response:
    """One of the caller's subscriptions."""
    row = await own_subscription(service, subscription_id, caller.account_id)
    headers = {**headers_of(row), "Cache-Control": "private"}
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(subscription_told(row), headers=headers)


@router.post("/{subscription_id}/cancel", response_model=SubscriptionOut)
async def cancel_subscription(
    subscription_id: UUID,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
    body: Cancel | None = None,
) -> Response:
    """Cancel with the period, or now. What is not paid for ends at once, and is not owed."""
    row = await own_subscription(service, subscription_id, caller.account_id)
    at = body.at if body else "period_end"
    if if_match in (None, row.version) and (at == "now" or row.status in UNPAID_FOR):
        await void_what_is_owed(desk_of(service), subscription_id, "cancelled", cause.now)
    command = CancelSubscription(caller.account_id, at, cause.now)
    expected = if_match if if_match != row.version else None
    return await carry_out(service, subscription_id, command, cause, expected=expected)


@router.post("/{subscription_id}/reactivate", response_model=SubscriptionOut)
async def reactivate_subscription(
    subscription_id: UUID, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Withdraw a cancellation that has not taken effect."""
    command = ReactivateSubscription(caller.account_id, cause.now)
    return await carry_out(service, subscription_id, command, cause, expected=if_match)


@router.post("/{subscription_id}/pause", response_model=SubscriptionOut)
async def pause_subscription(
    subscription_id: UUID, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Pause at the end of the period: no access and nothing to pay from then on."""
    command = PauseSubscription(caller.account_id, cause.now)
    return await carry_out(service, subscription_id, command, cause, expected=if_match)


@router.delete("/{subscription_id}/pending-change", response_model=SubscriptionOut)
async def withdraw_change(
    subscription_id: UUID, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Keep the plan that it is."""
    command = WithdrawChange(caller.account_id, cause.now)
    return await carry_out(service, subscription_id, command, cause, expected=if_match)
