"""What may be asked of a subscription. `actor_id` is whose it must be; None: the house itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.money import Money

from billing.documents import PaidPart
from billing.plan_details import PriceVersion
from billing.subscription_rules.states import EndReason, Upgrade
from billing.terms import PlanTerms


@dataclass(frozen=True)
class CreateSubscription:
    """Order a plan. `secured`: its trial can begin at once. `anchor`: from when it counts."""

    subscription_id: UUID
    account_id: UUID
    terms: PlanTerms
    provider: str
    trial: bool
    secured: bool
    invoice_id: UUID | None
    expires_at: datetime
    now: datetime
    anchor: datetime | None = None


@dataclass(frozen=True)
class StartTrial:
    """Begin the trial, now that it is secured."""

    now: datetime


@dataclass(frozen=True)
class AnnounceTrialEnd:
    """Remind of a trial's end, if it still ends at that moment."""

    ends_at: datetime
    now: datetime


@dataclass(frozen=True)
class ActivateSubscription:
    """Begin the first period: its invoice is paid."""

    invoice_id: UUID
    paid: PaidPart
    now: datetime


@dataclass(frozen=True)
class EndPeriod:
    """The period that ends at `ends_at` is over: do what follows. `invoice_id` is for the next one.

    `can_charge`: somebody can be asked for the money while the customer is away. `prices` are all
    that the plan ever had, of which some may have reached existing subscribers.
    """

    ends_at: datetime
    invoice_id: UUID
    can_charge: bool
    prices: tuple[PriceVersion, ...]
    now: datetime


@dataclass(frozen=True)
class RenewSubscription:
    """Begin the next period: its invoice is paid."""

    invoice_id: UUID
    paid: PaidPart
    now: datetime


@dataclass(frozen=True)
class AwaitTransfer:
    """The next period is to be paid by transfer until `due_at`."""

    invoice_id: UUID
    due_at: datetime
    now: datetime


@dataclass(frozen=True)
class NoteFailedPayment:
    """The next period's payment failed by itself; `hard`: the same way will never work."""

    invoice_id: UUID
    code: str
    hard: bool
    now: datetime


@dataclass(frozen=True)
class GiveUp:
    """Stop waiting for the payment that was due at `retry_at`."""

    retry_at: datetime
    code: str
    now: datetime


@dataclass(frozen=True)
class EndGrace:
    """The grace that lasts until `grace_until` is over."""

    grace_until: datetime
    now: datetime


@dataclass(frozen=True)
class CancelSubscription:
    """Stop: with the period, or now."""

    actor_id: UUID | None
    at: Literal["period_end", "now"]
    now: datetime


@dataclass(frozen=True)
class EndSubscription:
    """Stop now, for the house's own reason."""

    reason: EndReason
    now: datetime


@dataclass(frozen=True)
class ReactivateSubscription:
    """Withdraw a cancellation."""

    actor_id: UUID | None
    now: datetime


@dataclass(frozen=True)
class PauseSubscription:
    """Pause at the end of the period."""

    actor_id: UUID
    now: datetime


@dataclass(frozen=True)
class WithdrawPause:
    """Do not pause after all."""

    actor_id: UUID
    now: datetime


@dataclass(frozen=True)
class OrderResumption:
    """Go on after a pause, once this invoice is paid; None: it is free."""

    actor_id: UUID
    invoice_id: UUID | None
    now: datetime


@dataclass(frozen=True)
class ResumeSubscription:
    """Begin a new first period: its invoice is paid."""

    invoice_id: UUID
    paid: PaidPart
    now: datetime


@dataclass(frozen=True)
class ScheduleChange:
    """Be another plan from the next period on."""

    actor_id: UUID
    terms: PlanTerms
    now: datetime


@dataclass(frozen=True)
class WithdrawChange:
    """Stay the plan that it is."""

    actor_id: UUID
    now: datetime


@dataclass(frozen=True)
class OrderUpgrade:
    """Be a dearer plan, once it is paid. `credited` is what its credit was reckoned from."""

    actor_id: UUID
    upgrade: Upgrade
    credited: PaidPart | None
    now: datetime


@dataclass(frozen=True)
class SwitchPlan:
    """Be a dearer plan at once, since nothing is due: for the credit of `credited`, which pays for
    `upgrade`; or in a trial, for nothing."""

    actor_id: UUID
    terms: PlanTerms
    upgrade: Upgrade | None
    credited: PaidPart | None
    now: datetime


@dataclass(frozen=True)
class ApplyUpgrade:
    """Be the dearer plan: its invoice is paid."""

    invoice_id: UUID
    now: datetime


@dataclass(frozen=True)
class WithdrawOrder:
    """Forget the upgrade or resumption of this invoice, which will not be paid."""

    invoice_id: UUID
    now: datetime


@dataclass(frozen=True)
class ReverseInvoice:
    """All that this invoice brought in is gone again. `may_go_back`: nothing stands in the way of
    the plan before."""

    invoice_id: UUID
    reason: Literal["refunded", "disputed"]
    may_go_back: bool
    now: datetime


@dataclass(frozen=True)
class NoteSetAside:
    """So much of this invoice, tax included, was given back or is to be. `disputed`: a bank wants
    some of it."""

    invoice_id: UUID
    amount: Money
    disputed: bool
    now: datetime


@dataclass(frozen=True)
class ExtendPeriod:
    """Let the present period end so many days later."""

    days: int
    now: datetime


@dataclass(frozen=True)
class GrantPeriod:
    """Begin what waits for its payment, without one."""

    now: datetime


BeginningCommand = CreateSubscription | StartTrial | AnnounceTrialEnd | ActivateSubscription
PeriodCommand = (
    EndPeriod | RenewSubscription | AwaitTransfer | NoteFailedPayment | GiveUp | EndGrace
)
WishCommand = (
    CancelSubscription
    | EndSubscription
    | ReactivateSubscription
    | PauseSubscription
    | WithdrawPause
)
OrderCommand = (
    OrderResumption
    | ResumeSubscription
    | ScheduleChange
    | WithdrawChange
    | OrderUpgrade
    | SwitchPlan
    | ApplyUpgrade
    | WithdrawOrder
)
GrantCommand = ExtendPeriod | GrantPeriod
SubscriptionCommand = (
    BeginningCommand
    | PeriodCommand
    | WishCommand
    | OrderCommand
    | GrantCommand
    | ReverseInvoice
    | NoteSetAside
)
