"""Saving a way to pay: a page of the provider's, and what comes back from it, however it does.

The page's end is heard of twice, from the customer who returns and from the provider; and a payment
may bring a saved method along. All of it ends in one command that a repeat does not change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from common.command_handling import Handled
from common.event_store import Cause
from common.kernel import Kernel
from common.problems import Conflict, Invalid, NotFound, Unavailable

from billing.customers.commands import NameAtProvider, SavePaymentMethod
from billing.customers.decider import CUSTOMER, CustomerState, Erased
from billing.customers.events import MethodFace
from billing.customers.read_model import PageRow, customer_of
from billing.payment_provider import (
    CheckoutPage,
    PageState,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
    SavedMethod,
)

METHODS = UUID("5f0c2f34-8c55-5a8f-9b7e-0b4c8f0b6c11")
"""The namespace of methods' ids: what a provider calls one is one, however often it is saved."""


class PaymentMethodUnknown(Invalid):
    """Nobody of that name moves money for us."""

    code = "payment_method_unknown"
    detail = "There is no such way to pay here."


class CannotBeSaved(Conflict):
    """This way to pay is one that cannot be used while its owner is away."""

    code = "payment_method_not_savable"
    detail = "This way to pay cannot be saved."


class CustomerNotKnownYet(Conflict):
    """The account is so new that billing has not heard its address."""

    code = "customer_not_known_yet"
    detail = "Your account is not known here yet. Try again in a moment."


@dataclass(frozen=True)
class MethodPages:
    """Opens pages and takes in what was saved on them."""

    kernel: Kernel
    providers: Mapping[str, PaymentProvider]

    def provider(self, name: str) -> PaymentProvider:
        """The one with this name. Raises `PaymentMethodUnknown`."""
        if name not in self.providers:
            raise PaymentMethodUnknown
        return self.providers[name]

    async def open(
        self, account_id: UUID, name: str, success_url: str, cancel_url: str, cause: Cause
    ) -> tuple[UUID, CheckoutPage]:
        """Ask for a page for this customer, and give it an id; a repeat gets the same.

        Raises `PaymentMethodUnknown`, `CannotBeSaved`, `CustomerNotKnownYet`, `Unavailable`.
        """
        provider = self.provider(name)
        page_id = uuid5(cause.command_id, "method page")
        try:
            customer = await self.customer(account_id, provider, cause)
            page = await provider.method_page(
                account_id,
                customer,
                success_url=success_url,
                cancel_url=cancel_url,
                key=f"method-page:{page_id}",
            )
        except ProviderUnavailable:
            raise Unavailable from None
        except ProviderRefused:
            raise CannotBeSaved from None
        return page_id, page

    async def customer(self, account_id: UUID, provider: PaymentProvider, cause: Cause) -> str:
        """What the provider calls this customer, made there if need be.

        Raises `CustomerNotKnownYet`, `ProviderUnavailable`, `ProviderRefused`.
        """
        known = await customer_of(self.kernel.database, account_id)
        if provider.name in known.names:
            return known.names[provider.name]
        if known.contact.email is None:
            raise CustomerNotKnownYet
        # two who ask at once get the same name, since the key is the account's
        key = f"customer:{account_id}"
        email, name = known.contact.email, known.contact.name
        reference = await provider.customer(account_id, email, name, key=key)
        command = NameAtProvider(account_id, provider.name, reference, cause.now)
        named = await self._handle(account_id, command, cause, "name")
        if isinstance(named.state, Erased):  # at this very moment: nobody else will delete them
            await provider.forget_customer(reference, key=f"forget:{key}")
            raise CustomerNotKnownYet
        return reference

    async def look(self, page: PageRow, cause: Cause) -> PageState:
        """The page as it is now; what was saved on it is kept. Raises `Unavailable`, `NotFound`."""
        try:
            state = await self.provider(page.provider).page(page.reference)
        except ProviderUnavailable:
            raise Unavailable from None
        except ProviderRefused:
            raise NotFound from None
        if state.method is not None:
            await self.save(page.account_id, page.provider, state.method, cause)
        return state

    async def save(
        self, account_id: UUID, provider: str, method: SavedMethod, cause: Cause
    ) -> UUID:
        """Keep a way to pay; its id."""
        face = MethodFace(
            method.reference, method.customer, method.brand, method.last4, method.expires
        )
        id = method_id(provider, method.reference)
        command = SavePaymentMethod(account_id, id, provider, face, cause.now)
        await self._handle(account_id, command, cause, f"save {id}")
        return id

    async def _handle(
        self,
        account_id: UUID,
        command: NameAtProvider | SavePaymentMethod,
        cause: Cause,
        part: str,
    ) -> Handled[CustomerState]:
        own = Cause(
            command_id=uuid5(cause.command_id, part),
            now=cause.now,
            actor=cause.actor,
            correlation_id=cause.correlation_id,
            causation_id=cause.causation_id,
            traceparent=cause.traceparent,
        )
        return await self.kernel.commands.handle(CUSTOMER, account_id, command, own)


def method_id(provider: str, reference: str) -> UUID:
    """The id of what a provider calls so."""
    return uuid5(METHODS, f"{provider}/{reference}")
