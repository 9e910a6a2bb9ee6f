"""What has happened to a subscription; stored for ever. Ids and terms, nothing of a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from billing.documents import PaidPart
from billing.subscription_rules.backdating import SubscriptionBackdated
from billing.subscription_rules.set_aside import MoneySetAside
from billing.subscription_rules.states import EndReason, Span, TrialOutcome, Upgrade
from billing.terms import PlanTerms


@dataclass(frozen=True)
class Fact:
    """What every fact here has: which subscription, and whose."""

    subscription_id: UUID
    account_id: UUID


@dataclass(frozen=True)
class SubscriptionCreated(Fact):
    """Somebody ordered a plan, which begins when `invoice_id` is paid or its trial is secured."""

    type_name: ClassVar[str] = "billing.subscription_created"

    terms: PlanTerms
    provider: str
    trial: bool
    invoice_id: UUID | None
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True)
class TrialStarted(Fact):
    """The trial has begun; nobody gets a second one of this family."""

    type_name: ClassVar[str] = "billing.subscription_trial_started"

    family: str
    started_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class TrialEndAnnounced(Fact):
    """The customer is to be reminded that the trial ends."""

    type_name: ClassVar[str] = "billing.subscription_trial_end_announced"

    ends_at: datetime
    announced_at: datetime


@dataclass(frozen=True)
class TrialEnded(Fact):
    """The trial is over, and how."""

    type_name: ClassVar[str] = "billing.subscription_trial_ended"

    outcome: TrialOutcome
    ended_at: datetime


@dataclass(frozen=True)
class SubscriptionActivated(Fact):
    """The first period has begun; `invoice_id` is what was paid for it, if anything."""

    type_name: ClassVar[str] = "billing.subscription_activated"

    terms: PlanTerms
    invoice_id: UUID | None
    paid: PaidPart | None
    span: Span
    activated_at: datetime


@dataclass(frozen=True)
class PeriodInvoiced(Fact):
    """The period to come was invoiced."""

    type_name: ClassVar[str] = "billing.subscription_period_invoiced"

    invoice_id: UUID
    terms: PlanTerms
    span: Span
    invoiced_at: datetime


@dataclass(frozen=True)
class SubscriptionRenewed(Fact):
    """The next period has begun; `former_plan_id` is what it was before, if that was another."""

    type_name: ClassVar[str] = "billing.subscription_renewed"

    terms: PlanTerms
    invoice_id: UUID | None
    paid: PaidPart | None
    span: Span
    former_plan_id: UUID | None
    renewed_at: datetime


@dataclass(frozen=True)
class SubscriptionPastDue(Fact):
    """A period was not paid: `failures` tries so far, the next at `retry_at`. `code` says why."""

    type_name: ClassVar[str] = "billing.subscription_past_due"

    invoice_id: UUID
    failures: int
    code: str
    since: datetime
    retry_at: datetime
    failed_at: datetime


@dataclass(frozen=True)
class SubscriptionUnpaid(Fact):
    """Nobody tries any more; access stays until `grace_until`."""

    type_name: ClassVar[str] = "billing.subscription_unpaid"

    invoice_id: UUID
    code: str
    grace_until: datetime
    given_up_at: datetime


@dataclass(frozen=True)
class SubscriptionEnded(Fact):
    """The subscription is over for good."""

    type_name: ClassVar[str] = "billing.subscription_ended"

    reason: EndReason
    ended_at: datetime


@dataclass(frozen=True)
class CancellationScheduled(Fact):
    """It ends with the current period; access stays until then."""

    type_name: ClassVar[str] = "billing.subscription_cancellation_scheduled"

    ends_at: datetime
    requested_at: datetime


@dataclass(frozen=True)
class CancellationWithdrawn(Fact):
    """It goes on after the current period."""

    type_name: ClassVar[str] = "billing.subscription_cancellation_withdrawn"

    withdrawn_at: datetime


@dataclass(frozen=True)
class PlanChangeScheduled(Fact):
    """From the next period on it is another plan."""

    type_name: ClassVar[str] = "billing.subscription_change_scheduled"

    terms: PlanTerms
    takes_effect_at: datetime
    requested_at: datetime


@dataclass(frozen=True)
class PlanChangeWithdrawn(Fact):
    """It stays the plan that it is."""

    type_name: ClassVar[str] = "billing.subscription_change_withdrawn"

    withdrawn_at: datetime


@dataclass(frozen=True)
class UpgradeInvoiced(Fact):
    """A dearer plan was invoiced, and applies once that is paid."""

    type_name: ClassVar[str] = "billing.subscription_upgrade_invoiced"

    upgrade: Upgrade
    invoiced_at: datetime


@dataclass(frozen=True)
class OrderWithdrawn(Fact):
    """An upgrade or a resumption was invoiced and not paid for: all stays as it is."""

    type_name: ClassVar[str] = "billing.subscription_order_withdrawn"

    invoice_id: UUID
    withdrawn_at: datetime


@dataclass(frozen=True)
class PlanChanged(Fact):
    """It is another plan now."""

    type_name: ClassVar[str] = "billing.subscription_plan_changed"

    terms: PlanTerms
    invoice_id: UUID | None
    paid: PaidPart | None
    span: Span
    changed_at: datetime


@dataclass(frozen=True)
class PauseScheduled(Fact):
    """It pauses at the end of the current period."""

    type_name: ClassVar[str] = "billing.subscription_pause_scheduled"

    pauses_at: datetime
    requested_at: datetime


@dataclass(frozen=True)
class PauseWithdrawn(Fact):
    """It does not pause."""

    type_name: ClassVar[str] = "billing.subscription_pause_withdrawn"

    withdrawn_at: datetime


@dataclass(frozen=True)
class SubscriptionPaused(Fact):
    """No periods and no invoices from now on."""

    type_name: ClassVar[str] = "billing.subscription_paused"

    paused_at: datetime


@dataclass(frozen=True)
class ResumptionInvoiced(Fact):
    """A new first period was invoiced; it begins once that is paid."""

    type_name: ClassVar[str] = "billing.subscription_resumption_invoiced"

    invoice_id: UUID
    invoiced_at: datetime


@dataclass(frozen=True)
class SubscriptionResumed(Fact):
    """A new first period has begun after a pause."""

    type_name: ClassVar[str] = "billing.subscription_resumed"

    terms: PlanTerms
    invoice_id: UUID | None
    paid: PaidPart | None
    span: Span
    resumed_at: datetime


@dataclass(frozen=True)
class UpgradeReversed(Fact):
    """All that was paid for an upgrade is gone again, and it is the plan before."""

    type_name: ClassVar[str] = "billing.subscription_upgrade_reversed"

    invoice_id: UUID
    terms: PlanTerms
    paid: PaidPart | None
    span: Span
    reversed_at: datetime


@dataclass(frozen=True)
class SubscriptionExtended(Fact):
    """The present period, or the trial, ends so many days later, for no more money."""

    type_name: ClassVar[str] = "billing.subscription_extended"

    days: int
    trial: bool
    paid: PaidPart | None
    span: Span
    extended_at: datetime


_Begin = SubscriptionCreated | TrialStarted | TrialEndAnnounced | TrialEnded | SubscriptionActivated
_Period = PeriodInvoiced | SubscriptionRenewed | SubscriptionExtended | SubscriptionPaused
_Owing = SubscriptionPastDue | SubscriptionUnpaid | SubscriptionEnded
_Wish = CancellationScheduled | CancellationWithdrawn | PauseScheduled | PauseWithdrawn
_Change = PlanChangeScheduled | PlanChangeWithdrawn | PlanChanged | UpgradeReversed
_Order = UpgradeInvoiced | OrderWithdrawn | ResumptionInvoiced | SubscriptionResumed
_Noted = MoneySetAside | SubscriptionBackdated
SubscriptionEvent = _Begin | _Period | _Owing | _Wish | _Change | _Order | _Noted
