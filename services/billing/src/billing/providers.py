"""Which payment providers there are, by the name that a customer chooses.

Stripe's client and what it stands on are 13 MB of memory: only a process that offers Stripe imports
its gateway.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from billing.payment_provider import PaymentProvider
from billing.settings import BillingSettings
from billing.transfers import TRANSFER, Transfers

if TYPE_CHECKING:
    from billing.stripe_gateway import StripeGateway

STRIPE = "stripe"


def providers_for(settings: BillingSettings) -> Mapping[str, PaymentProvider]:
    """Those that the settings allow for; `close_providers` owes them their end."""
    providers: dict[str, PaymentProvider] = {TRANSFER: Transfers()}
    if settings.stripe_secret_key is not None:
        from billing.stripe_gateway import StripeGateway  # noqa: PLC0415 (see above)

        providers[STRIPE] = StripeGateway(
            settings.stripe_secret_key.get_secret_value(),
            settings.webhook_secrets,
            api_base=settings.stripe_api_base,
            time_limit=settings.stripe_time_limit,
        )
    return providers


def stripe_among(providers: Mapping[str, PaymentProvider]) -> "StripeGateway | None":
    """The gateway to Stripe, where it is offered."""
    offered = providers.get(STRIPE)
    if offered is None:
        return None
    from billing.stripe_gateway import StripeGateway  # noqa: PLC0415 (see above)

    return offered if isinstance(offered, StripeGateway) else None


async def close_providers(providers: Mapping[str, PaymentProvider]) -> None:
    """Close the connections of those that keep some."""
    stripe = stripe_among(providers)
    if stripe is not None:
        await stripe.close()
