"""What may be asked of an invoice."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.money import Money

from billing.documents import Line, Party
from billing.invoices.events import InvoiceKind


@dataclass(frozen=True)
class DraftInvoice:
    """Put together what is to be paid."""

    invoice_id: UUID
    account_id: UUID
    kind: InvoiceKind
    subscription_id: UUID | None
    provider: str
    lines: tuple[Line, ...]
    now: datetime


@dataclass(frozen=True)
class FinaliseInvoice:
    """Give it its number and the names of both parties. `number` is taken from a locked series."""

    number: str
    books_id: UUID
    seller: Party
    customer: Party
    due_at: datetime
    now: datetime


@dataclass(frozen=True)
class IssueInvoice:
    """Draft and finalise at once."""

    draft: DraftInvoice
    finalise: FinaliseInvoice


@dataclass(frozen=True)
class PayInvoice:
    """It was paid, with this much."""

    payment_id: UUID
    captured: Money
    now: datetime


@dataclass(frozen=True)
class VoidInvoice:
    """Nothing is to be paid any more."""

    reason: str
    now: datetime


@dataclass(frozen=True)
class WriteOff:
    """Nobody expects that it will be paid."""

    now: datetime


@dataclass(frozen=True)
class NoteOverdue:
    """The due date has passed."""

    due_at: datetime
    now: datetime


@dataclass(frozen=True)
class RequestRefund:
    """Give some of it back; None: all that is left."""

    refund_id: UUID
    amount: Money | None
    reason: str
    now: datetime


@dataclass(frozen=True)
class SettleRefund:
    """What the provider says of a refund, ours or one that was made at the provider itself.

    `number` is for its credit note, taken only if one is due.
    """

    refund_id: UUID
    reference: str | None
    amount: Money
    status: Literal["pending", "succeeded", "failed"]
    reason: str
    number: str | None
    now: datetime


@dataclass(frozen=True)
class RetryRefund:
    """Let the provider give back once more what was returned."""

    refund_id: UUID
    now: datetime


@dataclass(frozen=True)
class PayBackRefund:
    """What was returned was transferred to the customer, under this reference."""

    refund_id: UUID
    reference: str
    now: datetime


@dataclass(frozen=True)
class DisputeInvoice:
    """What a bank says of the payment: it wants it back, or has decided.

    `refund_id` and `number` are for the credit note of a lost one, taken only if it is lost.
    """

    reference: str
    amount: Money
    status: Literal["open", "won", "lost"]
    refund_id: UUID
    number: str | None
    now: datetime


ReversalCommand = RequestRefund | SettleRefund | RetryRefund | PayBackRefund | DisputeInvoice
InvoiceCommand = (
    DraftInvoice
    | FinaliseInvoice
    | IssueInvoice
    | PayInvoice
    | VoidInvoice
    | WriteOff
    | NoteOverdue
    | ReversalCommand
)
