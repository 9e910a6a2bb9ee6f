"""What a subscription can be: one type for each state, so that no field means nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.documents import PaidPart
from billing.terms import PlanTerms


@dataclass(frozen=True)
class NoSubscription:
    """Not begun."""


@dataclass(frozen=True)
class Agreement:
    """Who subscribed to what, and through which provider they pay."""

    subscription_id: UUID
    account_id: UUID
    terms: PlanTerms
    provider: str


@dataclass(frozen=True)
class Pending:
    """Ordered, and neither paid nor, for a trial, secured. Gone at `expires_at`."""

    agreement: Agreement
    trial: bool
    invoice_id: UUID | None
    expires_at: datetime


@dataclass(frozen=True)
class Upgrade:
    """A dearer plan that applies once its invoice is paid."""

    invoice_id: UUID
    terms: PlanTerms
    paid: PaidPart
    resets: bool


@dataclass(frozen=True)
class Span:
    """The current period, counted from an anchor. A trial is the period before the first, -1."""

    anchor: datetime
    number: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Due:
    """The period to come, and its invoice."""

    invoice_id: UUID
    terms: PlanTerms
    span: Span


@dataclass(frozen=True)
class Before:
    """What it was before the upgrade of this invoice; `span` if that moved the period's end."""

    invoice_id: UUID
    terms: PlanTerms
    paid: PaidPart | None
    span: Span | None
    before: "Before | None"


@dataclass(frozen=True)
class Live:
    """What all states between begin and end have.

    `invoice_id` is what the present period began with, if that was paid; `before` what it was
    before an upgrade within it. `due` is the period to come once it is invoiced, `resume_invoice`
    that of a resumption. `ending`, `pausing` and `change` happen at the end of the period.
    """

    agreement: Agreement
    span: Span
    paid: PaidPart | None
    invoice_id: UUID | None = None
    before: Before | None = None
    trial: bool = False
    ending: bool = False
    pausing: bool = False
    change: PlanTerms | None = None
    upgrade: Upgrade | None = None
    due: Due | None = None
    resume_invoice: UUID | None = None

    @property
    def terms(self) -> PlanTerms:
        """What is agreed for the current period."""
        return self.agreement.terms

    @property
    def due_invoice(self) -> UUID | None:
        """The invoice of the period to come."""
        return self.due.invoice_id if self.due else None


@dataclass(frozen=True)
class Trialing:
    """Free of charge until the period's end."""

    live: Live


@dataclass(frozen=True)
class Active:
    """Paid for until the period's end."""

    live: Live


@dataclass(frozen=True)
class PastDue:
    """The period to come has begun and is not paid; tried again at `retry_at`."""

    live: Live
    since: datetime
    failures: int
    retry_at: datetime


@dataclass(frozen=True)
class Unpaid:
    """Nobody tries any more; access stays until `grace_until`."""

    live: Live
    grace_until: datetime


@dataclass(frozen=True)
class Paused:
    """No periods and no invoices until it is resumed."""

    live: Live
    paused_at: datetime


@dataclass(frozen=True)
class Ended:
    """Over for good."""

    agreement: Agreement
    reason: str
    ended_at: datetime


Running = Trialing | Active | PastDue | Unpaid | Paused
SubscriptionState = NoSubscription | Pending | Running | Ended
