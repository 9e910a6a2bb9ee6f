"""What billing's tests share: one real PostgreSQL, and a provider that moves money in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from billing.payment_provider import (
    CheckoutPage,
    Declined,
    NotAttempted,
    Notified,
    Outcome,
    PageOrder,
    PageState,
    Pending,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
    SavedMethod,
    Succeeded,
    Unknown,
)
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.money import Money
from common.testing.postgres import temporary_postgres


@dataclass
class MemoryProvider:
    """Moves money in memory: by card, with every outcome, and with the effect before a silence."""

    name: str = "stripe"
    cards: dict[str, str] = field(default_factory=dict)
    pages: dict[str, PageState] = field(default_factory=dict)
    orders: dict[str, PageOrder] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    charges: dict[str, Outcome] = field(default_factory=dict)
    refunds: dict[str, RefundState] = field(default_factory=dict)
    silent_after: set[str] = field(default_factory=set)
    silent_refunds: int = 0
    forgotten: list[str] = field(default_factory=list)
    silent_farewells: int = 0

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        return f"cus_{account_id.hex}"

    async def forget_customer(self, reference: str, *, key: str) -> None:
        await self.forget_method(reference, key=key)

    async def forget_method(self, reference: str, *, key: str) -> None:
        if self.silent_farewells:
            self.silent_farewells -= 1
            raise ProviderUnavailable
        self.forgotten.append(reference)

    async def checkout_page(self, order: PageOrder, *, key: str) -> CheckoutPage:
        reference = self.by_key.setdefault(key, f"cs_{order.payment_id.hex}")
        self.orders.setdefault(reference, order)
        self.pages.setdefault(reference, PageState(reference, "open", Pending(reference)))
        return CheckoutPage(reference, f"https://pay.example/{reference}", order.expires_at)

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        reference = self.by_key.setdefault(key, f"cs_{key}")
        self.pages.setdefault(reference, PageState(reference, "open", NotAttempted(None, "open")))
        expires_at = datetime.max.replace(year=2999, tzinfo=SystemClock().now().tzinfo)
        return CheckoutPage(reference, f"https://pay.example/{reference}", expires_at)

    async def page(self, reference: str) -> PageState:
        return self.pages[reference]

    async def expire_page(self, reference: str, *, key: str) -> PageState:
        page = self.pages[reference]
        if page.status == "open":
            self.pages[reference] = replace(page, status="expired")
        return self.pages[reference]

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        if key not in self.charges:
            self.charges[key] = self._outcome(f"pi_{payment_id.hex}", method.reference, amount)
        if method.reference in self.silent_after:
            self.silent_after.discard(method.reference)
            raise ProviderUnavailable
        return self.charges[key]

    def _outcome(self, reference: str, method: str, amount: Money) -> Outcome:
        match self.cards.get(method, "ok"):
            case "declined":
                return Declined(reference, "insufficient_funds", False)
            case "stolen":
                return Declined(reference, "stolen_card", True)
            case "authenticate":
                return Pending(reference, f"https://bank.example/{reference}")
            case "unknown":
                return Unknown(None)
            case "cent_less":
                return Succeeded(reference, amount - Money(1, amount.currency))
            case "cent_more":
                return Succeeded(reference, amount + Money(1, amount.currency))
            case _:
                return Succeeded(reference, amount)

    async def fetch(self, reference: str) -> Outcome:
        return next(o for o in self.charges.values() if o.reference == reference)

    async def refund(self, reference: str, amount: Money, *, reason: str, key: str) -> RefundState:
        id = self.by_key.setdefault(key, f"re_{len(self.refunds)}")
        self.refunds.setdefault(id, RefundState(id, reference, amount, "succeeded"))
        if self.silent_refunds:
            self.silent_refunds -= 1
            raise ProviderUnavailable
        return self.refunds[id]

    async def refund_state(self, reference: str) -> RefundState:
        return self.refunds[reference]

    async def payments_since(self, since: datetime) -> Sequence[tuple[str, Outcome]]:
        return ()

    async def parse_notification(self, body: bytes, signature: str | None) -> Notified:
        raise ProviderRefused("no_notifications", "it tells nobody")

    def given_back(self, reference: str) -> int:
        """Minor units of a payment that went back."""
        return sum(r.amount.amount for r in self.refunds.values() if r.payment == reference)

    def captured(self, invoice_id: str) -> int:
        """Minor units that moved for an invoice."""
        of_it = f"pay:{invoice_id}:"
        pages = [self.pages[r].outcome for k, r in self.by_key.items() if k.startswith(of_it)]
        charges = [o for key, o in self.charges.items() if key.startswith(of_it)]
        moved = [o for o in (*pages, *charges) if isinstance(o, Succeeded)]
        return sum(one.captured.amount for one in moved)

    def fill_in(self, url: str, card: str = "ok") -> PageState:
        """What the customer does on a page; the state that the provider then tells."""
        reference = url.rpartition("/")[2]
        page = self.pages[reference]
        if page.status != "open":
            return page
        method = SavedMethod(f"pm_{uuid4().hex}", "cus", "visa", "4242", "2034-12")
        self.cards[method.reference] = card
        if (order := self.orders.get(reference)) is None:
            done = PageState(reference, "complete", NotAttempted(None, "setup"), method)
        else:
            total = sum((line.amount for line in order.lines), Money(0, "EUR"))
            paid = Succeeded(f"pi_{reference}", total, method)
            done = PageState(reference, "complete", paid, method)
        self.pages[reference] = done
        return done


@pytest.fixture(scope="module")
def provider_in_memory() -> MemoryProvider:
    """One with nothing in it."""
    return MemoryProvider()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server
