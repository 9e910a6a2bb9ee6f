"""What billing's routes work with; made in `main`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from common.kernel import Kernel
from fastapi import Depends, Request

from billing.payment_provider import PaymentProvider
from billing.sandbox_clock import SandboxClock
from billing.settings import BillingSettings


@dataclass(frozen=True)
class Billing:
    """The service's parts. `providers` by the name that a customer chooses."""

    kernel: Kernel
    settings: BillingSettings
    providers: Mapping[str, PaymentProvider]
    clock: SandboxClock


async def _billing(request: Request) -> Billing:
    billing: Billing = request.app.state.billing
    return billing


Service = Annotated[Billing, Depends(_billing)]
