"""What may be asked of a payment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.money import Money

from billing.payment_provider import CheckoutPage, Outcome
from billing.payments.events import Means


@dataclass(frozen=True)
class StartPayment:
    """Try to pay an invoice."""

    payment_id: UUID
    invoice_id: UUID
    account_id: UUID
    attempt: int
    provider: str
    means: Means
    method_id: UUID | None
    automatic: bool
    amount: Money
    now: datetime


@dataclass(frozen=True)
class NotePage:
    """The page where the customer pays."""

    page: CheckoutPage
    now: datetime


@dataclass(frozen=True)
class RecordOutcome:
    """What the provider says. `hold` is why money that moved must be looked at, if it must."""

    outcome: Outcome
    hold: str | None
    now: datetime


@dataclass(frozen=True)
class AcceptHeld:
    """Take held money for its invoice, of which `due` is to be paid; what is more goes back, under
    `refund_id`."""

    refund_id: UUID
    due: Money
    now: datetime


@dataclass(frozen=True)
class RefundHeld:
    """Give back what is held of it."""

    refund_id: UUID
    reason: str
    now: datetime


@dataclass(frozen=True)
class PayBackHeld:
    """What is held of it was transferred to the customer, under this reference."""

    refund_id: UUID
    reference: str
    now: datetime


@dataclass(frozen=True)
class SettlePaymentRefund:
    """What the provider says of such a refund, ours or one that was made at the provider itself."""

    refund_id: UUID
    reference: str | None
    amount: Money
    status: Literal["pending", "succeeded", "failed"]
    reason: str
    now: datetime


@dataclass(frozen=True)
class NoteDispute:
    """What the provider says of a dispute: open, won or lost."""

    reference: str
    amount: Money
    status: Literal["open", "won", "lost"]
    now: datetime


TakenCommand = AcceptHeld | RefundHeld | PayBackHeld | SettlePaymentRefund | NoteDispute
PaymentCommand = StartPayment | NotePage | RecordOutcome | TakenCommand
