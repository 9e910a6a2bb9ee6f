"""Stripe tells us something, and browsers ask how to reach it.

1. check the signature over the very bytes; what is not signed is refused and nothing is stored
2. store which thing it is about, under Stripe's own id; a repeat changes nothing
3. answer 200 at once, also for what concerns nobody: a slow answer counts as a failure there
4. the worker looks at the thing as it then is (`notification_work`)
"""

from typing import TYPE_CHECKING, Annotated, Any

from common.problems import FieldError, Invalid, NotFound
from common.service import Admin
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from billing.notifications import Notifications
from billing.payment_provider import ProviderRefused
from billing.providers import STRIPE, stripe_among
from billing.reconciliation import reports
from billing.resources import Billing, Service

if TYPE_CHECKING:
    from billing.stripe_gateway import StripeGateway

router = APIRouter()


class StripeNotOffered(NotFound):
    """There is no account at Stripe here (404)."""

    code = "stripe_not_offered"
    detail = "Payments by Stripe are not offered here."


class WebhookRefused(Invalid):
    """Not from Stripe, not from now, or nothing that we can read; `errors` says which."""

    code = "webhook_refused"
    detail = "The signature does not hold for this body."


class StripeConfig(BaseModel):
    """What a browser needs to begin a payment."""

    publishable_key: str
    test_mode: bool


@router.get("/api/v1/stripe/config")
async def stripe_config(service: Service) -> StripeConfig:
    """The key that a browser may know, and whether money is only played with."""
    _gateway(service)
    key = service.settings.stripe_publishable_key
    return StripeConfig(publishable_key=key, test_mode=not key.startswith("pk_live_"))


@router.post("/api/v1/stripe/webhook")
async def stripe_webhook(request: Request) -> Response:
    """Take an event in, by the machine's clock: a sandbox does not move Stripe's signatures."""
    service: Billing = request.app.state.billing
    gateway = _gateway(service)
    now = request.app.state.clock.now()
    body = await request.body()
    try:
        notified = gateway.notified(body, request.headers.get("stripe-signature"), now)
    except ProviderRefused as refused:
        raise WebhookRefused(errors=[FieldError("", refused.code, str(refused))]) from None
    await Notifications(service.kernel.database, STRIPE).store(notified, now)
    return Response(b'{"received":true}', 200, media_type="application/json")


@router.get("/api/v1/admin/reconciliations")
async def list_reconciliations(
    admin: Admin, service: Service, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> dict[str, Any]:
    """The newest comparisons with the provider: where both sides differed, if anywhere."""
    return {"items": await reports(service.kernel, limit)}


def _gateway(service: Billing) -> "StripeGateway":
    gateway = stripe_among(service.providers)
    if gateway is None:
        raise StripeNotOffered
    return gateway
