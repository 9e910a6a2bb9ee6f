"""Paying by transfer: the customer moves the money, an administrator sees it and says so."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.money import Money

from billing.payment_provider import (
    CheckoutPage,
    Notified,
    Outcome,
    PageOrder,
    PageState,
    Pending,
    ProviderRefused,
    RefundState,
    SavedMethod,
)

TRANSFER = "invoice"
"""The name by which a customer chooses it."""


class Transfers:
    """A provider that moves nothing by itself: nothing can be charged, and nothing is asked."""

    name = TRANSFER

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        """Everybody is known by their account."""
        return str(account_id)

    async def forget_customer(self, reference: str, *, key: str) -> None:
        """Nothing is kept of them here that is not kept by us."""

    async def forget_method(self, reference: str, *, key: str) -> None:
        """There is none."""

    async def checkout_page(self, order: PageOrder, *, key: str) -> CheckoutPage:
        """There is none."""
        raise _no_page()

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        """There is none."""
        raise _no_page()

    async def page(self, reference: str) -> PageState:
        """There is none."""
        raise _no_page()

    async def expire_page(self, reference: str, *, key: str) -> PageState:
        """There is none."""
        raise _no_page()

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        """Somebody must transfer it."""
        return Pending(str(payment_id))

    async def fetch(self, reference: str) -> Outcome:
        """Somebody must say that it came."""
        return Pending(reference)

    async def refund(self, reference: str, amount: Money, *, reason: str, key: str) -> RefundState:
        """The administrator who asks for it transfers it back by hand."""
        return RefundState(key, reference, amount, "succeeded")

    async def refund_state(self, reference: str) -> RefundState:
        """Nobody else knows of it."""
        raise ProviderRefused("unknown_refund", "A transfer back is not known anywhere else.")

    async def payments_since(self, since: datetime) -> Sequence[tuple[str, Outcome]]:
        """Nobody else knows of any."""
        return ()

    async def parse_notification(self, body: bytes, signature: str | None) -> Notified:
        """Nobody notifies."""
        raise ProviderRefused("no_notifications", "Nobody tells of transfers.")


def _no_page() -> ProviderRefused:
    return ProviderRefused("no_page", "There is no page to pay a transfer on.")
