"""HTTP for buying a plan."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import KeyedCause
from common.problems import FieldError, Invalid
from common.service import Caller
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from billing.checkout import Bought, Order, buy
from billing.desk import desk_of
from billing.invoice_form import InvoiceOut, invoice_told
from billing.invoices.read_model import invoice_by_id
from billing.offers import offered_terms, offered_terms_by_key
from billing.payment_method_routes import WebAddress
from billing.plan_form import STRICT, Currency
from billing.resources import Billing, Service
from billing.steps import once
from billing.subscription_form import UNKEPT, SubscriptionOut, subscription_told
from billing.subscriptions.read_model import subscription_by_id

router = APIRouter(tags=["checkout"])

DONE = ("active", "trialing")


class NothingChosen(Invalid):
    """A checkout buys something."""

    code = "nothing_chosen"
    detail = "Choose a plan."


class NotSoldYet(Invalid):
    """Add-ons and token bundles are not sold yet."""

    code = "not_sold_yet"
    detail = "Add-ons and token bundles cannot be bought yet."


class Checkout(
    BaseModel,
    json_schema_extra={
        "examples": [
            {
                "plan_id": "0199a7c0-0000-7000-8000-000000000001",
                "currency": "EUR",
                "payment_method": "stripe",
            }
        ]
    },
):
    """What to buy and how to pay. The page leads back to the given addresses, else to us."""

    model_config = STRICT

    plan_id: UUID | None = None
    addon_ids: Annotated[list[UUID], Field(max_length=100)] = []
    token_bundle_ids: Annotated[list[UUID], Field(max_length=100)] = []
    currency: Currency = "EUR"
    payment_method: Annotated[str, Field(max_length=40)] = "stripe"
    success_url: WebAddress | None = None
    cancel_url: WebAddress | None = None


class SeedCheckout(BaseModel, json_schema_extra={"examples": [{"price_id": "pro-monthly"}]}):
    """The same as seed 003 asks for it: a plan's id or slug, and one address to come back to."""

    model_config = STRICT

    price_id: Annotated[str, Field(min_length=1, max_length=100)]
    return_url: WebAddress | None = None


class CheckoutOut(BaseModel):
    """What was bought. `status`: `open` where somebody must pay or act (at `checkout_url`, or by
    transfer), `paid` where nothing is due."""

    status: Literal["open", "paid"]
    checkout_url: str | None
    subscription: SubscriptionOut
    invoice: InvoiceOut | None


class SeedCheckoutOut(BaseModel):
    """The page's address; `session_id` is the subscription's id."""

    session_id: UUID
    url: str | None


@router.post("/api/v1/user/checkout", status_code=201, response_model=CheckoutOut)
async def check_out(
    body: Checkout, caller: Caller, cause: KeyedCause, service: Service
) -> Response:
    """Buy a plan. Repeated with the same key it is bought once."""
    if body.addon_ids or body.token_bundle_ids:
        raise NotSoldYet
    plan_id, account_id = body.plan_id, caller.account_id
    if plan_id is None:
        raise NothingChosen(errors=[FieldError("/plan_id", "missing", "Choose a plan.")])

    async def work() -> Answer:
        terms = await offered_terms(service.kernel.database, plan_id, body.currency)
        order = Order(account_id, terms, body.payment_method, body.success_url, body.cancel_url)
        bought = await buy(desk_of(service), order, cause)
        return Answer(201, await _told(service, bought), _headers(bought, account_id))

    return await once(service.kernel.commands, cause, _stream(cause), work)


@router.post("/api/v1/subscription/checkout", response_model=SeedCheckoutOut)
async def check_out_as_seed_003(
    body: SeedCheckout, caller: Caller, cause: KeyedCause, service: Service
) -> Response:
    """Buy a plan by its id or slug, in euros, with a card."""

    async def work() -> Answer:
        terms = await offered_terms_by_key(service.kernel.database, body.price_id, "EUR")
        order = Order(caller.account_id, terms, "stripe", body.return_url, body.return_url)
        bought = await buy(desk_of(service), order, cause)
        told = {"session_id": str(bought.subscription_id), "url": bought.checkout_url}
        return Answer(200, told, _headers(bought, caller.account_id))

    return await once(service.kernel.commands, cause, _stream(cause), work)


def _stream(cause: Cause) -> str:
    return f"checkout-{cause.command_id}"


def _headers(bought: Bought, account_id: UUID) -> Mapping[str, str]:
    tags = f"subscription/{bought.subscription_id}, user/{account_id}"
    return {**UNKEPT, "Cache-Tags": tags}


async def _told(service: Billing, bought: Bought) -> dict[str, Any]:
    database = service.kernel.database
    subscription = await subscription_by_id(database, bought.subscription_id)
    assert subscription is not None
    invoice = None
    if bought.invoice_id is not None:
        invoice = await invoice_by_id(database, bought.invoice_id)
    return {
        "status": "paid" if subscription.status in DONE else "open",
        "checkout_url": bought.checkout_url,
        "subscription": subscription_told(subscription),
        "invoice": invoice_told(invoice) if invoice else None,
    }
