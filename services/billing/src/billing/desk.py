"""What everything that moves money works with; made in `main` and `worker`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from common.kernel import Kernel

from billing.documents import Party
from billing.payment_methods import MethodPages
from billing.payment_provider import PaymentProvider
from billing.settings import BillingSettings


@dataclass(frozen=True)
class Desk:
    """The service's parts. `providers` by the name that a customer chooses."""

    kernel: Kernel
    settings: BillingSettings
    providers: Mapping[str, PaymentProvider]

    @property
    def seller(self) -> Party:
        """Us, as invoices name us."""
        own = self.settings
        return Party(own.seller_name, own.seller_address, own.seller_country, own.seller_vat_number)

    @property
    def methods(self) -> MethodPages:
        """Saved ways to pay."""
        return MethodPages(self.kernel, self.providers)


class Parts(Protocol):
    """What has the parts of a desk."""

    @property
    def kernel(self) -> Kernel:
        """The service's log, database and commands."""
        ...

    @property
    def settings(self) -> BillingSettings:
        """Its settings."""
        ...

    @property
    def providers(self) -> Mapping[str, PaymentProvider]:
        """Whoever moves money."""
        ...


def desk_of(parts: Parts) -> Desk:
    """The desk that is made of these parts."""
    return Desk(parts.kernel, parts.settings, parts.providers)
