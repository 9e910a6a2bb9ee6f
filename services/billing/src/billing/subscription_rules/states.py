"""What a subscription can be: one type for each state, so that no field means nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.money import Money

from billing.documents import PaidPart
from billing.terms import PlanTerms

TrialOutcome = Literal["charged", "declined", "no_way_to_charge", "free"]
_WithoutMoney = Literal["expired", "unpaid", "trial_ended", "refunded", "disputed"]
EndReason = _WithoutMoney | Literal["cancelled", "voided", "replaced", "erased"]


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
    """Ordered, and neither paid nor, for a trial, secured. Gone at `expires_at`. `anchor` is from
    when it counts, if not from its beginning."""

    agreement: Agreement
    trial: bool
    invoice_id: UUID | None
    expires_at: datetime
    anchor: datetime | None = None


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
class SetAside:
    """What of an invoice's money does not count any more, with the tax; `disputed`: a bank may take
    more of it."""

    invoice_id: UUID
    amount: Money
    disputed: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether all of it counts."""
        return self.amount.amount == 0 and not self.disputed


@dataclass(frozen=True)
class Before:
    """What it was before the upgrade of this invoice; `span` if that moved the period's end."""

    invoice_id: UUID
    terms: PlanTerms
    paid: PaidPart | None
    span: Span | None
    before: "Before | None"
    counted: tuple[SetAside, ...] = ()


@dataclass(frozen=True)
class Live:
    """What all states between begin and end have.

    `invoice_id` is what the present period began with, if that was paid; `before` what it was
    before an upgrade within it. `due` is the period to come once it is invoiced, `resume_invoice`
    that of a resumption. `ending`, `pausing` and `change` happen at the end of the period.
    `set_aside` is what of the period's invoices counts no more; `counted` what of that the credit
    of the last upgrade was lowered by already.
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
    set_aside: tuple[SetAside, ...] = ()
    counted: tuple[SetAside, ...] = ()

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
