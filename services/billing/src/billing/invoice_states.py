"""What an invoice can be, and why a wish about one is refused."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.money import Money
from common.problems import Conflict, Invalid

from billing.documents import Line, Refund
from billing.invoices.events import InvoiceKind


class InvoiceNotOpen(Conflict):
    """Only an open invoice is paid, voided or written off."""

    code = "invoice_not_open"
    detail = "This invoice is not open any more."


class InvoiceNotIssued(Conflict):
    """Only what was issued can be issued again."""

    code = "invoice_not_issued"
    detail = "This invoice was not issued yet."


class AlreadyPaid(Conflict):
    """It is paid."""

    code = "already_paid"
    detail = "This invoice is paid already."


class WrongAmount(Conflict):
    """What was captured is not what is due."""

    code = "wrong_amount"
    detail = "The amount or the currency is not what is due."


class NotPaid(Conflict):
    """Nothing can be given back of what was not paid."""

    code = "invoice_not_paid"
    detail = "Only what was paid can be given back."


class RefundTooLarge(Invalid):
    """More than what is left."""

    code = "refund_too_large"
    detail = "At most what was paid and not yet given back can be given back."


class RefundNotReturned(Conflict):
    """Only what came back is given back another way."""

    code = "refund_not_returned"
    detail = "This refund was not sent back by the customer's bank, or is on its way again."


class DisputeOpen(Conflict):
    """What the bank may take back is not given back as well."""

    code = "payment_disputed"
    detail = "The customer's bank disputes this payment. Wait until that is decided."


@dataclass(frozen=True)
class NoInvoice:
    """Not made yet."""


@dataclass(frozen=True)
class Content:
    """What stands on it."""

    invoice_id: UUID
    account_id: UUID
    kind: InvoiceKind
    subscription_id: UUID | None
    provider: str
    lines: tuple[Line, ...]
    total: Money


@dataclass(frozen=True)
class Draft:
    """Without a number."""

    content: Content


@dataclass(frozen=True)
class Open:
    """To be paid until `due_at`."""

    content: Content
    number: str
    due_at: datetime
    overdue: bool = False


@dataclass(frozen=True)
class Dispute:
    """A bank wants the money back. `status` is open, won (by us) or lost."""

    reference: str
    status: str = "open"


@dataclass(frozen=True)
class Paid:
    """Paid, and maybe disputed, or given back in part or whole."""

    content: Content
    number: str
    payment_id: UUID
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def refund(self, refund_id: UUID) -> Refund | None:
        """The one of this id."""
        return next((one for one in self.refunds if one.refund_id == refund_id), None)

    def dispute(self, reference: str) -> Dispute | None:
        """The one that the provider calls so."""
        return next((one for one in self.disputes if one.reference == reference), None)

    @property
    def is_disputed(self) -> bool:
        """Whether a bank has not decided yet."""
        return any(one.status == "open" for one in self.disputes)

    @property
    def gone(self) -> bool:
        """Whether nothing is left of what was paid."""
        return self.refunded == self.content.total

    @property
    def refundable(self) -> Money:
        """What is neither given back nor set aside for it."""
        taken = sum(one.amount.amount for one in self.refunds if one.status != "failed")
        return self.content.total - Money(taken, self.content.total.currency)

    @property
    def refunded(self) -> Money:
        """What went back."""
        done = sum(one.amount.amount for one in self.refunds if one.credited)
        return Money(done, self.content.total.currency)


@dataclass(frozen=True)
class Void:
    """Nothing is to be paid."""

    content: Content


@dataclass(frozen=True)
class Uncollectible:
    """Due, and given up."""

    content: Content


InvoiceState = NoInvoice | Draft | Open | Paid | Void | Uncollectible
