"""HTTP for administrators who give: more days, a period without its payment, money back."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from common.command_handling import Answer
from common.idempotency import KeyedCause, RequestCause, answer_of
from common.money import Money
from common.problems import NotFound
from common.service import Admin, IfMatch
from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictInt
from starlette.responses import Response

from billing.carrying_out import headers_of
from billing.desk import desk_of
from billing.granting import grant, refund_newest
from billing.plan_form import STRICT, Reason
from billing.resources import Billing, Service
from billing.steps import id_of, once
from billing.subscription_form import AnySubscriptionOut, any_subscription_told
from billing.subscriptions.commands import ExtendPeriod
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import SubscriptionRow, subscription_by_id

router = APIRouter(prefix="/api/v1/admin/subscriptions/{subscription_id}", tags=["administration"])


class Extend(BaseModel, json_schema_extra={"examples": [{"days": 14}]}):
    """By how many days."""

    model_config = STRICT

    days: Annotated[StrictInt, Field(ge=1, le=366)] = 30


class RefundNewest(BaseModel, json_schema_extra={"examples": [{"amount": 500}]}):
    """How much, in minor units of its currency; unsaid: all that is left. And why."""

    model_config = STRICT

    amount: Annotated[StrictInt, Field(gt=0, lt=10**15)] | None = None
    reason: Reason = "requested_by_customer"


@router.post("/extend", response_model=AnySubscriptionOut)
async def extend_subscription(
    subscription_id: UUID,
    _: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
    body: Extend | None = None,
) -> Response:
    """Let the present period, or the trial, end later; the next periods are counted from then.
    A request that may be repeated needs an `Idempotency-Key`: twice is twice as long."""
    command = ExtendPeriod((body or Extend()).days, cause.now)
    handled = await service.kernel.commands.handle(
        SUBSCRIPTION, subscription_id, command, cause, expected=if_match
    )
    return answer_of(replace(handled, answer=await _told(service, subscription_id)))


@router.post("/activate", response_model=AnySubscriptionOut)
async def activate_subscription(
    subscription_id: UUID, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Begin what waits for its payment, without one: an order, a period that is owed, or what
    follows a pause. Its invoice is void. What has ended is not revived."""
    await _row(service, subscription_id)

    async def work() -> Answer:
        await grant(desk_of(service), subscription_id, cause)
        return await _told(service, subscription_id)

    return await once(service.kernel.commands, cause, SUBSCRIPTION.stream(subscription_id), work)


@router.post("/refund", response_model=AnySubscriptionOut)
async def refund_subscription(
    subscription_id: UUID,
    _: Admin,
    cause: KeyedCause,
    service: Service,
    body: RefundNewest | None = None,
) -> Response:
    """Give back what was paid last for it, or some of that, with a credit note. Given back whole,
    a running period ends, and an upgrade is undone."""
    row, wanted = await _row(service, subscription_id), body or RefundNewest()

    async def work() -> Answer:
        amount = Money(wanted.amount, row.terms.price.currency) if wanted.amount else None
        order = (id_of(cause, "refund"), amount, wanted.reason)
        await refund_newest(desk_of(service), subscription_id, order, cause)
        return await _told(service, subscription_id)

    return await once(service.kernel.commands, cause, SUBSCRIPTION.stream(subscription_id), work)


async def _row(service: Billing, id: UUID) -> SubscriptionRow:
    row = await subscription_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    return row


async def _told(service: Billing, id: UUID) -> Answer:
    row = await _row(service, id)
    return Answer(200, any_subscription_told(row), headers_of(row))
