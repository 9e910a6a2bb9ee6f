"""HTTP for administrators: everybody's subscriptions, and what is to be known about one."""

from dataclasses import asdict, replace
from typing import Annotated, Literal
from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import KeyedCause, RequestCause
from common.problems import Invalid, NotFound
from common.service import Admin, Page, Paging
from fastapi import APIRouter, Query
from pydantic import AliasChoices, BaseModel, Field, StrictInt
from starlette.responses import JSONResponse, Response

from billing.carrying_out import headers_of
from billing.checkout import Order, buy
from billing.customers.read_model import customer_of
from billing.desk import desk_of
from billing.ending import void_what_is_owed
from billing.offers import offered_terms
from billing.payment_form import PaymentOut, payment_told
from billing.plan_form import STRICT, Currency, Moment
from billing.resources import Billing, Service
from billing.steps import once
from billing.subscription_form import UNKEPT, AnySubscriptionOut, any_subscription_told
from billing.subscription_rules.backdating import checked
from billing.subscriptions.commands import CancelSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import subscription_by_id, subscriptions_page
from billing.units import own_cause
from billing.views.what_an_account_has_here import holdings_of
from billing.views.what_was_paid_for_a_subscription import attempts_for

router = APIRouter(prefix="/api/v1/admin", tags=["administration"])

State = Literal["pending", "trialing", "active", "past_due", "unpaid", "paused", "ended"]


_SOMEBODY = {
    "user_id": "0199a7c0-0000-7000-8000-000000000002",
    "plan_id": "0199a7c0-0000-7000-8000-000000000001",
}


class TrialNotPossible(Invalid):
    """There is nothing to try for nothing."""

    code = "trial_not_possible"
    detail = "A plan that costs nothing has no trial."


class NewSubscription(BaseModel, json_schema_extra={"examples": [_SOMEBODY]}):
    """Subscribe somebody; by transfer unless said otherwise. `tarif_plan_id` is as good a name.

    `started_at`, now or up to ten years ago, is from when periods are counted: the first one is
    that which the beginning falls into, what was before is not invoiced. `trial_days` stand in for
    the plan's; 0 is no trial.
    """

    model_config = STRICT

    user_id: UUID
    plan_id: Annotated[UUID, Field(validation_alias=AliasChoices("plan_id", "tarif_plan_id"))]
    currency: Currency = "EUR"
    payment_method: Annotated[str, Field(max_length=40)] = "invoice"
    started_at: Moment | None = None
    trial_days: Annotated[StrictInt, Field(ge=0, le=365)] | None = None


class CancelAny(BaseModel, json_schema_extra={"examples": [{"at": "now"}]}):
    """When: with the period, or now."""

    model_config = STRICT

    at: Literal["period_end", "now"] = "period_end"


class SubscriberOut(BaseModel):
    """Whose it is; without a name and an address where auth has told none, or they are erased."""

    id: UUID
    name: str | None
    email: str | None


class SubscriptionDetailOut(AnySubscriptionOut):
    """The same with its owner, and the last hundred attempts to pay for it, newest first."""

    user: SubscriberOut
    payment_history: list[PaymentOut]


class HoldingsOut(BaseModel):
    """What stands about somebody here. Their subscriptions end and their ways to pay go when the
    account is erased; invoices and payments stay."""

    subscription_count: int
    live_subscription_count: int
    invoice_count: int
    open_invoice_count: int
    payment_method_count: int


@router.get("/subscriptions", response_model=Page[AnySubscriptionOut])
async def list_all_subscriptions(
    admin: Admin,
    paging: Paging,
    service: Service,
    status: Annotated[State | None, Query()] = None,
    user_id: Annotated[UUID | None, Query()] = None,
    plan_id: Annotated[UUID | None, Query()] = None,
    plan: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Everybody's subscriptions, newest first; `plan` is a part of the plan's name."""
    rows, total = await subscriptions_page(
        service.kernel.database,
        account=user_id,
        status=status,
        plan_id=plan_id,
        plan_name=plan,
        per_page=paging.per_page,
        skip=paging.offset,
    )
    items = [any_subscription_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/users/{user_id}/subscriptions", response_model=Page[AnySubscriptionOut])
async def list_subscriptions_of_user(
    user_id: UUID, admin: Admin, paging: Paging, service: Service
) -> Response:
    """Somebody's subscriptions, newest first."""
    rows, total = await subscriptions_page(
        service.kernel.database, account=user_id, per_page=paging.per_page, skip=paging.offset
    )
    items = [any_subscription_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/users/{user_id}/deletion-info", response_model=HoldingsOut)
async def tell_what_an_account_has(user_id: UUID, admin: Admin, service: Service) -> Response:
    """What billing holds about somebody, for who is about to erase their account."""
    return JSONResponse(asdict(await holdings_of(service.kernel.database, user_id)), headers=UNKEPT)


@router.get("/subscriptions/{subscription_id}", response_model=SubscriptionDetailOut)
async def get_any_subscription(subscription_id: UUID, admin: Admin, service: Service) -> Response:
    """Somebody's subscription, with its owner and its payments."""
    database = service.kernel.database
    row = await subscription_by_id(database, subscription_id)
    if row is None:
        raise NotFound
    contact = (await customer_of(database, row.account_id)).contact
    told = {
        **any_subscription_told(row),
        "user": {"id": str(row.account_id), "name": contact.name, "email": contact.email},
        "payment_history": [
            payment_told(one) for one in await attempts_for(database, subscription_id)
        ],
    }
    return JSONResponse(told, headers=headers_of(row))


@router.post("/subscriptions", status_code=201, response_model=AnySubscriptionOut)
async def subscribe_somebody(
    body: NewSubscription, admin: Admin, cause: KeyedCause, service: Service
) -> Response:
    """Order a plan for somebody, as they could themselves; its invoice is to be paid."""

    async def work() -> Answer:
        bought = await buy(desk_of(service), await _order(service, body, cause), cause)
        row = await subscription_by_id(service.kernel.database, bought.subscription_id)
        assert row is not None
        return Answer(201, any_subscription_told(row), headers_of(row))

    return await once(service.kernel.commands, cause, f"checkout-{cause.command_id}", work)


async def _order(service: Billing, body: NewSubscription, cause: Cause) -> Order:
    terms = await offered_terms(service.kernel.database, body.plan_id, body.currency)
    if body.trial_days and terms.is_free:
        raise TrialNotPossible
    if body.trial_days is not None:
        terms = replace(terms, trial_days=body.trial_days)
    return Order(
        body.user_id,
        terms,
        body.payment_method,
        started_at=checked(body.started_at, cause.now),
        trial_asked=bool(body.trial_days),
    )


@router.post("/subscriptions/{subscription_id}/cancel", response_model=AnySubscriptionOut)
async def cancel_any_subscription(
    subscription_id: UUID,
    admin: Admin,
    cause: RequestCause,
    service: Service,
    body: CancelAny | None = None,
) -> Response:
    """Cancel somebody's subscription: with the period, or now."""
    at = body.at if body else "period_end"
    if at == "now":
        await void_what_is_owed(desk_of(service), subscription_id, "cancelled", cause.now)
    command = CancelSubscription(None, at, cause.now)
    own = own_cause(cause.now, actor=cause.actor)
    await service.kernel.commands.handle(SUBSCRIPTION, subscription_id, command, own)
    return await _subscription(service, subscription_id)


async def _subscription(service: Billing, id: UUID) -> Response:
    row = await subscription_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    return JSONResponse(any_subscription_told(row), headers=headers_of(row))
