"""What may be asked of a payment."""

from dataclasses import dataclass
from datetime import datetime
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


PaymentCommand = StartPayment | NotePage | RecordOutcome
