"""What a provider has said lately, as core is told of it; and the one way to tell core."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.database import Transaction
from common.event_store import Cause
from common.money import Money

from billing.payment_provider import Notified, Outcome, PageState, RefundState, SavedMethod


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """A payment as it is now. `payment_id` is ours, if the payment was made by us."""

    reference: str
    payment_id: UUID | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PageNews:
    """A checkout page as it is now: for a payment of ours, or to save an account's method."""

    state: PageState
    payment_id: UUID | None
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class MethodNews:
    """A way to pay as it is now; `method` is None once it may not be used any more."""

    reference: str
    account_id: UUID | None
    method: SavedMethod | None


@dataclass(frozen=True, slots=True)
class RefundNews:
    """A refund as it is now. `payment_id` is that of our payment it gives back."""

    state: RefundState
    payment_id: UUID | None


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """A bank wants a payment back. `status`: open, won, lost; `payment` is its reference."""

    reference: str
    payment: str
    payment_id: UUID | None
    amount: Money
    status: str


ProviderNews = PaymentNews | PageNews | MethodNews | RefundNews | DisputeNews


@dataclass(frozen=True, slots=True)
class Heard:
    """From whom, why and when. `cause` has the same command id however often this is told, so that
    a command given with it has one effect; a second command needs an id derived from it."""

    provider: str
    cause: Cause
    now: datetime


OnOutcome = Callable[[Transaction, ProviderNews, Heard], Awaitable[None]]
"""Core's reaction, in the transaction that also notes the news as handled: both or neither.

The news may come more than once, late, and in any order; it always tells the present state. A
refusal (a lost race, a payment that is not there yet) makes it come again later.
"""


class NewsSource(Protocol):
    """A provider that can be asked what a notification is about."""

    name: str

    async def news(self, notified: Notified) -> ProviderNews | None:
        """The thing as it is now; nothing if it does not concern us. Raises
        `ProviderUnavailable`."""
        ...

    async def news_of(self, reference: str) -> ProviderNews | None:
        """The same for a payment or page by its reference."""
        ...

    async def payment_news(self, since: datetime) -> list[PaymentNews]:
        """All payments made since then, the oldest first. Raises `ProviderUnavailable`."""
        ...

    async def undelivered(self, since: datetime) -> list[Notified]:
        """The notifications that did not reach us, the oldest first. Raises
        `ProviderUnavailable`."""
        ...
