"""HTTP for another plan: what it would cost, dearer now, cheaper later; and on after a pause."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import RequestCause
from common.ids import uuid7
from common.money import Money
from common.problems import Conflict, FieldError, Invalid
from common.service import Caller, IfMatch, Now
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from billing.carrying_out import carry_out, headers_of, own_subscription
from billing.desk import desk_of
from billing.invoice_form import InvoiceOut, invoice_told
from billing.invoices.read_model import invoice_by_id
from billing.invoicing import rate_for
from billing.offers import offered_terms
from billing.plan_changes import (
    Ordered,
    first_payment,
    pay_order,
    price,
    resume,
    upgrade,
    was_refused,
)
from billing.plan_form import STRICT
from billing.preview_tokens import (
    PreviewOutdated,
    PreviewTokenInvalid,
    PreviewTokenUsed,
    Quoted,
    read,
    sign,
)
from billing.proration import is_upgrade
from billing.resources import Billing, Service
from billing.steps import id_of, once
from billing.subscription_form import (
    UNKEPT,
    AgreedPlan,
    SubscriptionOut,
    plan_told,
    subscription_told,
)
from billing.subscription_rules.orders import check_plan
from billing.subscription_rules.refusals import NotAnUpgrade, NotPaused
from billing.subscription_rules.states import Active, Live, Paused, Trialing
from billing.subscription_rules.wishes import in_good_standing
from billing.subscriptions.commands import ScheduleChange, WithdrawPause
from billing.subscriptions.decider import SUBSCRIPTION

router = APIRouter(prefix="/api/v1/user/subscriptions/{subscription_id}", tags=["plan changes"])


class PaymentDeclined(Conflict):
    """The bank said no, so nothing was changed."""

    code = "payment_declined"
    detail = "The payment was declined, and nothing was changed. Try another way to pay."


class OrderOvertaken(Conflict):
    """Money of the period went back while the order was being paid."""

    code = "order_withdrawn"
    detail = "This order was withdrawn at this moment. What was paid for it is looked after by us."


class Upgrade(
    BaseModel, json_schema_extra={"examples": [{"plan_id": "0199a7c0-0000-7000-8000-000000000001"}]}
):
    """To which plan; with a preview's token it costs exactly what that said."""

    model_config = STRICT

    plan_id: UUID | None = None
    preview_token: Annotated[str | None, Field(max_length=2_000)] = None


class Downgrade(
    BaseModel, json_schema_extra={"examples": [{"plan_id": "0199a7c0-0000-7000-8000-000000000001"}]}
):
    """To which plan, from the next period on."""

    model_config = STRICT

    plan_id: UUID


class Preview(BaseModel):
    """What the change would cost now: `charge` for the new plan, `credit` for unused time, both in
    the price's own terms; `total` is what is due, with the tax. Nothing is due for a downgrade."""

    change: Literal["upgrade", "downgrade"]
    plan: AgreedPlan
    credit: Money
    charge: Money
    tax: Money
    total: Money
    takes_effect_at: datetime
    preview_token: str | None


class OrderOut(BaseModel):
    """`applied`, or `open` where somebody must pay at `checkout_url` or by transfer."""

    status: Literal["applied", "open"]
    checkout_url: str | None
    subscription: SubscriptionOut
    invoice: InvoiceOut | None


@router.get("/change-preview", response_model=Preview)
async def preview_change(
    subscription_id: UUID,
    plan_id: Annotated[UUID, Query()],
    caller: Caller,
    now: Now,
    service: Service,
) -> Response:
    """What another plan would cost at this moment, and a token to buy it for that."""
    live, version = await _live(service, subscription_id, caller.account_id)
    new = await offered_terms(service.kernel.database, plan_id, live.terms.price.currency)
    check_plan(live, new)
    rate = await rate_for(service.kernel.database, desk_of(service), caller.account_id, now)
    token_id = uuid7()
    nothing = Money(0, new.price.currency)
    dearer = is_upgrade(live.terms, new)
    invoice_id = uuid5(subscription_id, str(token_id))
    priced = price(live, new, rate, invoice_id, now) if dearer else None
    sums = priced.sums if priced else None
    total = sums.total if sums else nothing
    if total.amount < 0:
        raise NotAnUpgrade
    quoted = Quoted(
        token_id, subscription_id, version, plan_id, new.price_version, total.amount, now
    )
    secret = service.settings.preview_secret.get_secret_value()
    told = {
        "change": "upgrade" if dearer else "downgrade",
        "plan": plan_told(new),
        "credit": priced.quote.credit if priced and sums else nothing,
        "charge": priced.quote.charge if priced and sums else nothing,
        "tax": sums.tax if sums else nothing,
        "total": total,
        "takes_effect_at": now if dearer else live.span.ends_at,
        "preview_token": sign(quoted, secret) if dearer else None,
    }
    return JSONResponse(to_jsonable_python(told), headers=UNKEPT)


@router.post("/upgrade", response_model=OrderOut)
async def upgrade_subscription(
    subscription_id: UUID, body: Upgrade, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Be a dearer plan, as soon as it is paid: with the saved way to pay at once."""

    async def work() -> Answer:
        await own_subscription(service, subscription_id, caller.account_id)
        invoice_id = id_of(cause, "invoice")
        ordered = await _again(service, invoice_id, cause)
        if ordered is None:
            ordered, invoice_id = await _upgrade(service, subscription_id, body, caller, cause)
        return await _told(service, subscription_id, invoice_id, ordered, cause)

    return await once(service.kernel.commands, cause, SUBSCRIPTION.stream(subscription_id), work)


@router.post("/downgrade", response_model=SubscriptionOut)
async def downgrade_subscription(
    subscription_id: UUID,
    body: Downgrade,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Be a cheaper plan from the next period on; another one before then replaces it."""
    row = await own_subscription(service, subscription_id, caller.account_id)
    currency = row.terms.price.currency
    terms = await offered_terms(service.kernel.database, body.plan_id, currency)
    command = ScheduleChange(caller.account_id, terms, cause.now)
    return await carry_out(service, subscription_id, command, cause, expected=if_match)


@router.post("/resume", response_model=OrderOut)
async def resume_subscription(
    subscription_id: UUID, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Go on after a pause with a new first period, which is charged; or do not pause after all."""

    async def work() -> Answer:
        await own_subscription(service, subscription_id, caller.account_id)
        invoice_id = id_of(cause, "invoice")
        ordered = await _again(service, invoice_id, cause)
        if ordered is None:
            ordered = await _resume(service, subscription_id, invoice_id, caller, cause)
        return await _told(service, subscription_id, invoice_id, ordered, cause)

    return await once(service.kernel.commands, cause, SUBSCRIPTION.stream(subscription_id), work)


async def _again(service: Billing, invoice_id: UUID, cause: Cause) -> Ordered | None:
    """Where the same request was stopped after it had ordered: go on from there."""
    if await invoice_by_id(service.kernel.database, invoice_id) is None:
        return None
    return await pay_order(desk_of(service), first_payment(invoice_id), cause.now)


async def _upgrade(
    service: Billing, id: UUID, body: Upgrade, caller: Caller, cause: Cause
) -> tuple[Ordered, UUID]:
    live, version = await _live(service, id, caller.account_id)
    invoice_id, at, plan_id = id_of(cause, "invoice"), cause.now, body.plan_id
    quoted = None
    if body.preview_token is not None:
        secret = service.settings.preview_secret.get_secret_value()
        quoted = read(body.preview_token, secret, cause.now)
        invoice_id, at = uuid5(id, str(quoted.token_id)), quoted.quoted_at
        if quoted.subscription_id != id or plan_id not in (None, quoted.plan_id):
            raise PreviewTokenInvalid
        if await invoice_by_id(service.kernel.database, invoice_id) is not None:
            raise PreviewTokenUsed
        plan_id = quoted.plan_id
    if plan_id is None:
        raise Invalid(errors=[FieldError("/plan_id", "missing", "Say which plan.")])
    new = await offered_terms(service.kernel.database, plan_id, live.terms.price.currency)
    if quoted and (quoted.version, quoted.price_version) != (version, new.price_version):
        raise PreviewOutdated
    total = quoted.total if quoted else None
    order = (invoice_id, at)
    return await upgrade(desk_of(service), live, new, order, cause, expected=total), invoice_id


async def _resume(
    service: Billing, id: UUID, invoice_id: UUID, caller: Caller, cause: Cause
) -> Ordered:
    async with service.kernel.database.reader() as reader:
        _, state = await service.kernel.commands.state(reader, SUBSCRIPTION, id)
    if isinstance(state, Paused):
        return await resume(desk_of(service), state.live, invoice_id, cause)
    if not isinstance(state, Active) or not state.live.pausing:
        raise NotPaused
    withdraw = WithdrawPause(caller.account_id, cause.now)
    await service.kernel.commands.handle(SUBSCRIPTION, id, withdraw, cause_of(cause))
    return Ordered(None, None)


def cause_of(cause: Cause) -> Cause:
    """The cause of a step of a request whose answer is kept apart."""
    return Cause(uuid7(), cause.now, cause.actor, cause.correlation_id, None, cause.traceparent)


async def _live(service: Billing, id: UUID, account_id: UUID) -> tuple[Live, int]:
    async with service.kernel.database.reader() as reader:
        stream, state = await service.kernel.commands.state(reader, SUBSCRIPTION, id)
    live = in_good_standing(state, account_id)
    assert isinstance(state, Active | Trialing)
    return live, stream.version


async def _told(
    service: Billing, id: UUID, invoice_id: UUID, ordered: Ordered, cause: Cause
) -> Answer:
    if was_refused(ordered.payment):
        raise PaymentDeclined
    invoice = await invoice_by_id(service.kernel.database, invoice_id)
    if invoice is not None and invoice.status == "void":
        raise OrderOvertaken
    row = await own_subscription(service, id, cause.actor or UUID(int=0))
    is_open = invoice is not None and invoice.status == "open"
    told = {
        "status": "open" if is_open else "applied",
        "checkout_url": ordered.checkout_url,
        "subscription": subscription_told(row),
        "invoice": invoice_told(invoice) if invoice else None,
    }
    return Answer(200, told, headers_of(row))
