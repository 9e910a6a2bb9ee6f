"""What has happened to an invoice; stored for ever.

The customer's copy is sealed under a key of the books, which outlives the account's: the law keeps
invoices longer than people stay.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from common.facts import PersonalData, Subject
from common.money import Money

from billing.documents import UNKNOWN_PARTY, Line, Party

InvoiceKind = Literal["checkout", "renewal", "upgrade", "resumption", "copy"]
SealedParty = Annotated[Party, PersonalData(fallback=UNKNOWN_PARTY)]


@dataclass(frozen=True)
class Fact:
    """What every fact here has: which invoice, and whose."""

    invoice_id: UUID
    account_id: UUID


@dataclass(frozen=True)
class InvoiceDrafted(Fact):
    """What is to be paid was put together. `provider` is how it is meant to be paid."""

    type_name: ClassVar[str] = "billing.invoice_drafted"

    kind: InvoiceKind
    subscription_id: UUID | None
    provider: str
    lines: tuple[Line, ...]
    net: Money
    tax: Money
    total: Money
    drafted_at: datetime


@dataclass(frozen=True)
class InvoiceFinalised(Fact):
    """The invoice has its number; nothing on it changes any more."""

    type_name: ClassVar[str] = "billing.invoice_finalised"

    books_id: Subject
    number: str
    seller: Party
    customer: SealedParty
    total: Money
    issued_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class InvoicePaid(Fact):
    """All that was due has been paid."""

    type_name: ClassVar[str] = "billing.invoice_paid"

    payment_id: UUID
    amount: Money
    paid_at: datetime


@dataclass(frozen=True)
class InvoiceVoided(Fact):
    """Nothing is to be paid any more."""

    type_name: ClassVar[str] = "billing.invoice_voided"

    reason: str
    voided_at: datetime


@dataclass(frozen=True)
class InvoiceUncollectible(Fact):
    """It stays due, and nobody expects that it will be paid."""

    type_name: ClassVar[str] = "billing.invoice_uncollectible"

    written_off_at: datetime


@dataclass(frozen=True)
class InvoiceOverdue(Fact):
    """Its due date has passed."""

    type_name: ClassVar[str] = "billing.invoice_overdue"

    due_at: datetime
    noticed_at: datetime


@dataclass(frozen=True)
class RefundRequested(Fact):
    """Some of what was paid is to be given back; it is set aside from now on."""

    type_name: ClassVar[str] = "billing.invoice_refund_requested"

    refund_id: UUID
    payment_id: UUID
    amount: Money
    reason: str
    requested_at: datetime


@dataclass(frozen=True)
class RefundSent(Fact):
    """The provider has taken the refund under this name."""

    type_name: ClassVar[str] = "billing.invoice_refund_sent"

    refund_id: UUID
    reference: str
    sent_at: datetime


@dataclass(frozen=True)
class RefundFailed(Fact):
    """The money did not go back: it can be tried again."""

    type_name: ClassVar[str] = "billing.invoice_refund_failed"

    refund_id: UUID
    code: str
    failed_at: datetime


@dataclass(frozen=True)
class CreditNoteIssued(Fact):
    """Money went back, and this document says so. `settles`: nothing of the invoice is left."""

    type_name: ClassVar[str] = "billing.credit_note_issued"

    refund_id: UUID
    number: str
    amount: Money
    reason: str
    settles: bool
    issued_at: datetime


@dataclass(frozen=True)
class RefundReturned(Fact):
    """The money went back, and the customer's bank sent it here again: the credit note stands, and
    the money is owed."""

    type_name: ClassVar[str] = "billing.invoice_refund_returned"

    refund_id: UUID
    amount: Money
    code: str
    returned_at: datetime


@dataclass(frozen=True)
class RefundRetried(Fact):
    """What was returned is to be given back by the provider once more."""

    type_name: ClassVar[str] = "billing.invoice_refund_retried"

    refund_id: UUID
    retried_at: datetime


@dataclass(frozen=True)
class RefundPaidBack(Fact):
    """What was returned has reached the customer after all; no second credit note says so.
    `reference` is the provider's name for the refund, or what names the transfer."""

    type_name: ClassVar[str] = "billing.invoice_refund_paid_back"

    refund_id: UUID
    means: Literal["provider", "transfer"]
    reference: str
    paid_back_at: datetime


@dataclass(frozen=True)
class InvoiceDisputed(Fact):
    """The customer's bank wants back what was paid; `reference` is the provider's name for that."""

    type_name: ClassVar[str] = "billing.invoice_disputed"

    payment_id: UUID
    reference: str
    amount: Money
    disputed_at: datetime


@dataclass(frozen=True)
class InvoiceDisputeWon(Fact):
    """The bank lets us keep it: the invoice is paid, as before."""

    type_name: ClassVar[str] = "billing.invoice_dispute_won"

    reference: str
    decided_at: datetime


@dataclass(frozen=True)
class InvoiceDisputeLost(Fact):
    """The bank has taken it. What of it was not given back before has a credit note of its own."""

    type_name: ClassVar[str] = "billing.invoice_dispute_lost"

    reference: str
    amount: Money
    decided_at: datetime


ReversalEvent = (
    RefundRequested
    | RefundSent
    | RefundFailed
    | CreditNoteIssued
    | RefundReturned
    | RefundRetried
    | RefundPaidBack
    | InvoiceDisputed
    | InvoiceDisputeWon
    | InvoiceDisputeLost
)
InvoiceEvent = (
    InvoiceDrafted
    | InvoiceFinalised
    | InvoicePaid
    | InvoiceVoided
    | InvoiceUncollectible
    | InvoiceOverdue
    | ReversalEvent
)
