"""Which payment providers there are, by the name that a customer chooses."""

from collections.abc import Mapping

from billing.payment_provider import PaymentProvider
from billing.settings import BillingSettings
from billing.transfers import TRANSFER, Transfers


def providers_for(settings: BillingSettings) -> Mapping[str, PaymentProvider]:
    """Those that the settings allow for."""
    return {TRANSFER: Transfers()}
