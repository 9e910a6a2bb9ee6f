"""Which payment providers there are, by the name that a customer chooses."""

from collections.abc import Mapping

from billing.payment_provider import PaymentProvider
from billing.settings import BillingSettings
from billing.stripe_gateway import StripeGateway
from billing.transfers import TRANSFER, Transfers


def providers_for(settings: BillingSettings) -> Mapping[str, PaymentProvider]:
    """Those that the settings allow for; `close_providers` owes them their end."""
    providers: dict[str, PaymentProvider] = {TRANSFER: Transfers()}
    if settings.stripe_secret_key is not None:
        providers[StripeGateway.name] = StripeGateway(
            settings.stripe_secret_key.get_secret_value(),
            settings.webhook_secrets,
            api_base=settings.stripe_api_base,
            time_limit=settings.stripe_time_limit,
        )
    return providers


async def close_providers(providers: Mapping[str, PaymentProvider]) -> None:
    """Close the connections of those that keep some."""
    for provider in providers.values():
        if isinstance(provider, StripeGateway):
            await provider.close()
