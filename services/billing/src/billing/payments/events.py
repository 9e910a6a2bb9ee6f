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


@dataclass(frozen=True)
class PaymentAccepted(Fact):
    """Somebody has looked at held money, and so much of it pays its invoice; `over` does not."""

    type_name: ClassVar[str] = "billing.payment_accepted"

    amount: Money
    over: Money
    accepted_at: datetime


@dataclass(frozen=True)
class PaymentRefundRequested(Fact):
    """Money that was held, or was more than was due, is to be given back."""

    type_name: ClassVar[str] = "billing.payment_refund_requested"

    refund_id: UUID
    amount: Money
    reason: str
    requested_at: datetime


@dataclass(frozen=True)
class PaymentRefundSent(Fact):
    """The provider has taken the refund under this name."""

    type_name: ClassVar[str] = "billing.payment_refund_sent"

    refund_id: UUID
    reference: str
    sent_at: datetime


@dataclass(frozen=True)
class PaymentRefundFailed(Fact):
    """The money did not go back, and is held again."""

    type_name: ClassVar[str] = "billing.payment_refund_failed"

    refund_id: UUID
    amount: Money
    code: str
    failed_at: datetime


@dataclass(frozen=True)
class PaymentRefunded(Fact):
    """The money went back. It never paid an invoice, so no credit note says so."""

    type_name: ClassVar[str] = "billing.payment_refunded"

    refund_id: UUID
    amount: Money
    refunded_at: datetime


@dataclass(frozen=True)
class PaymentDisputed(Fact):
    """The customer's bank wants the money back; `reference` is the provider's name for that."""

    type_name: ClassVar[str] = "billing.payment_disputed"

    reference: str
    amount: Money
    disputed_at: datetime


@dataclass(frozen=True)
class DisputeWon(Fact):
    """The bank lets us keep it."""

    type_name: ClassVar[str] = "billing.payment_dispute_won"

    reference: str
    amount: Money
    decided_at: datetime


@dataclass(frozen=True)
class DisputeLost(Fact):
    """The bank has taken it."""

    type_name: ClassVar[str] = "billing.payment_dispute_lost"

    reference: str
    amount: Money
    decided_at: datetime


AttemptEvent = (
    PaymentStarted
    | PaymentPageOpened
    | PaymentPending
    | PaymentUnknown
    | PaymentSucceeded
    | PaymentHeld
    | PaymentDeclined
    | PaymentNotAttempted
)
PaymentEvent = (
    AttemptEvent
    | PaymentAccepted
    | PaymentRefundRequested
    | PaymentRefundSent
    | PaymentRefundFailed
    | PaymentRefunded
    | PaymentDisputed
    | DisputeWon
    | DisputeLost
)
