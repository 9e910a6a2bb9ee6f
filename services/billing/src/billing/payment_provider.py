"""The port to whoever moves the money: a few questions, five outcomes, no vendor's word."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.money import Money


class ProviderUnavailable(Exception):
    """The provider did not take the question, or may have: ask `fetch` before asking again."""


PAGE_CLOSED = "page_closed"
"""The code of a page that was opened before under the same key and is closed: paid, perhaps."""


class ProviderRefused(Exception):
    """The provider will never take this question as it stands; `code` is ours, the text is not
    for customers."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The money moved. `captured` is what the provider says, to be compared with what was due;
    `method` is a saved way to pay again, if one was saved."""

    reference: str
    captured: Money
    method: "SavedMethod | None" = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Under way: the customer must act, at `action_url` if given, or a bank takes days."""

    reference: str
    action_url: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The bank said no. `code` is stable (`insufficient_funds`, `expired_card`, ...); after a
    `hard` one the same method is not tried again."""

    reference: str | None
    code: str
    hard: bool


@dataclass(frozen=True, slots=True)
class NotAttempted:
    """Nothing was tried and no money can move: no way to pay, page expired, cancelled."""

    reference: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say yet. It is asked again and never treated as failed."""

    reference: str | None


Outcome = Succeeded | Pending | Declined | NotAttempted | Unknown


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A way to pay that may be used while the customer is away. `customer` is the provider's name
    for them; brand, last4 and expiry are for display."""

    reference: str
    customer: str
    brand: str | None = None
    last4: str | None = None
    expires: str | None = None  # YYYY-MM


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of a checkout page; the lines' sum is the page's amount, tax included."""

    text: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PageOrder:
    """What a page asks for. `save_method`: the way of paying may be used again later."""

    payment_id: UUID
    customer: str
    lines: Sequence[PageLine]
    success_url: str
    cancel_url: str
    expires_at: datetime
    save_method: bool


@dataclass(frozen=True, slots=True)
class CheckoutPage:
    """Where the customer pays, or saves a way to pay, until `expires_at`."""

    reference: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Notified:
    """What a provider's notification is about: `kind` of object and its reference. Its contents are
    never believed: the current object is fetched."""

    event_id: str
    type: str
    kind: str  # payment, page, method, refund, dispute, other
    reference: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PageState:
    """A checkout page as the provider sees it now. `outcome` is that of its payment; for a page
    that saves a way to pay, `method` once it is saved."""

    reference: str
    status: str  # open, complete, expired
    outcome: Outcome
    method: SavedMethod | None = None


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as the provider sees it now."""

    reference: str
    payment: str
    amount: Money
    status: str  # pending, succeeded, failed


class PaymentProvider(Protocol):
    """One provider. Every question carries a `key` of ours: the same key and question have one
    effect, ever. All may raise `ProviderUnavailable` and `ProviderRefused`."""

    name: str

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        """The provider's name for this customer, made if there is none yet."""
        ...

    async def forget_customer(self, reference: str, *, key: str) -> None:
        """Delete the customer and their saved ways to pay; one who is gone is no error."""
        ...

    async def forget_method(self, reference: str, *, key: str) -> None:
        """Let go of a saved way to pay; one that is nobody's any more is no error."""
        ...

    async def checkout_page(self, order: PageOrder, *, key: str) -> CheckoutPage:
        """A page to pay the lines' sum at once."""
        ...

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        """A page that only saves a way to pay."""
        ...

    async def page(self, reference: str) -> PageState:
        """The page as it is now."""
        ...

    async def expire_page(self, reference: str, *, key: str) -> PageState:
        """Close the page if it is still open; what it is afterwards (it may have been paid)."""
        ...

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        """Charge a saved method while the customer is away."""
        ...

    async def fetch(self, reference: str) -> Outcome:
        """What became of a payment."""
        ...

    async def refund(self, reference: str, amount: Money, *, reason: str, key: str) -> RefundState:
        """Give back some or all of a payment."""
        ...

    async def refund_state(self, reference: str) -> RefundState:
        """What became of a refund."""
        ...

    async def payments_since(self, since: datetime) -> Sequence[tuple[str, Outcome]]:
        """References and outcomes of all payments made since then, for reconciliation."""
        ...

    async def parse_notification(self, body: bytes, signature: str | None) -> Notified:
        """What a notification says, once its signature holds. Raises `ProviderRefused`."""
        ...
