"""What has happened to a payment: one stream for each attempt; stored for ever."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from common.money import Money

Means = Literal["page", "saved_method", "transfer", "manual"]


@dataclass(frozen=True)
class Fact:
    """What every fact here has: which payment, of which invoice, and whose."""

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID


@dataclass(frozen=True)
class PaymentStarted(Fact):
    """An attempt to pay the invoice, with the saved method `method_id` or in another way. `key` is
    that of all questions to the provider about it, written down before the first one is asked.
    `automatic`: nobody was there who asked for it."""

    type_name: ClassVar[str] = "billing.payment_started"

    attempt: int
    provider: str
    means: Means
    method_id: UUID | None
    automatic: bool
    amount: Money
    key: str
    started_at: datetime


@dataclass(frozen=True)
class PaymentPageOpened(Fact):
    """The customer can pay on this page until it expires."""

    type_name: ClassVar[str] = "billing.payment_page_opened"

    page: str
    url: str
    expires_at: datetime
    opened_at: datetime


@dataclass(frozen=True)
class PaymentPending(Fact):
    """Under way at the provider; the customer must act at `action_url`, if given."""

    type_name: ClassVar[str] = "billing.payment_pending"

    reference: str
    action_url: str | None
    ask_at: datetime
    noted_at: datetime


@dataclass(frozen=True)
class PaymentUnknown(Fact):
    """Nobody can say what became of it; it is asked again at `ask_at`."""

    type_name: ClassVar[str] = "billing.payment_unknown"

    reference: str | None
    ask_at: datetime
    noted_at: datetime


@dataclass(frozen=True)
class PaymentSucceeded(Fact):
    """The money moved: exactly what was due."""

    type_name: ClassVar[str] = "billing.payment_succeeded"

    reference: str
    captured: Money
    succeeded_at: datetime


@dataclass(frozen=True)
class PaymentHeld(Fact):
    """Money moved that nobody waited for: nothing follows until somebody has looked at it."""

    type_name: ClassVar[str] = "billing.payment_held"

    reference: str
    captured: Money
    reason: str
    held_at: datetime


@dataclass(frozen=True)
class PaymentDeclined(Fact):
    """The bank said no."""

    type_name: ClassVar[str] = "billing.payment_declined"

    reference: str | None
    code: str
    hard: bool
    automatic: bool
    declined_at: datetime


@dataclass(frozen=True)
class PaymentNotAttempted(Fact):
    """Nothing was tried, and no money can move any more."""

    type_name: ClassVar[str] = "billing.payment_not_attempted"

    code: str
    automatic: bool
    ended_at: datetime


PaymentEvent = (
    PaymentStarted
    | PaymentPageOpened
    | PaymentPending
    | PaymentUnknown
    | PaymentSucceeded
    | PaymentHeld
    | PaymentDeclined
    | PaymentNotAttempted
)
