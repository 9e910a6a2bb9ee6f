"""Changes that cost something or take effect later: another plan, and going on after a pause."""

from typing import assert_never

from common.problems import Conflict

from billing.documents import PaidPart
from billing.periods import period
from billing.proration import is_upgrade
from billing.subscription_rules.refusals import (
    CreditDisputed,
    NotADowngrade,
    NotAnUpgrade,
    NotPaused,
    OrderUnderWay,
    OtherCurrency,
    SamePlan,
)
from billing.subscription_rules.set_aside import worth
from billing.subscription_rules.states import (
    Active,
    Live,
    Paused,
    Span,
    SubscriptionState,
    Trialing,
    Upgrade,
)
from billing.subscription_rules.waiting import without_change, without_order
from billing.subscription_rules.wishes import check_owner, in_good_standing
from billing.subscriptions.commands import (
    ApplyUpgrade,
    OrderCommand,
    OrderResumption,
    OrderUpgrade,
    ResumeSubscription,
    ScheduleChange,
    SwitchPlan,
    WithdrawChange,
    WithdrawOrder,
)
from billing.subscriptions.events import (
    PlanChanged,
    PlanChangeScheduled,
    ResumptionInvoiced,
    SubscriptionEvent,
    SubscriptionResumed,
    UpgradeInvoiced,
)
from billing.terms import PlanTerms


def order(command: OrderCommand, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows; nothing when what is paid for has been applied already."""
    match command:
        case ScheduleChange() | WithdrawChange():
            return _at_period_end(command, state)
        case OrderUpgrade():
            return _order_upgrade(command, state)
        case SwitchPlan():
            return _switch(command, state)
        case ApplyUpgrade():
            return _apply(command, state)
        case OrderResumption():
            return _order_resumption(command, state)
        case ResumeSubscription():
            return _resume(command, state)
        case WithdrawOrder():
            return _withdraw(command, state)
        case _:
            assert_never(command)


def upgradable(state: SubscriptionState, command: OrderUpgrade | SwitchPlan) -> Live:
    """The subscription if a dearer plan can be ordered now. Raises the refusals, `Conflict` where
    it has changed since the price was reckoned."""
    live = in_good_standing(state, command.actor_id)
    new = command.upgrade.terms if isinstance(command, OrderUpgrade) else command.terms
    check_plan(live, new)
    if not is_upgrade(live.terms, new):
        raise NotAnUpgrade
    in_trial = command.upgrade is None
    if (worth_for_a_change(live), live.trial) != (command.credited, in_trial):
        raise Conflict
    if command.upgrade and not command.upgrade.resets:
        _check_end(live, command.upgrade.paid)
    return live


def _check_end(live: Live, paid: PaidPart) -> None:
    if paid.ends_at != live.span.ends_at:
        raise Conflict


def worth_for_a_change(live: Live) -> PaidPart | None:
    """What the credit of another plan is reckoned from. Raises `CreditDisputed`."""
    if any(one.disputed for one in live.set_aside):
        raise CreditDisputed
    return worth(live)


def check_plan(live: Live, new: PlanTerms) -> None:
    """Raises `OtherCurrency`, `SamePlan`, `OrderUnderWay`."""
    if new.price.currency != live.terms.price.currency:
        raise OtherCurrency
    if new.plan_id == live.terms.plan_id:
        raise SamePlan
    if live.upgrade is not None:
        raise OrderUnderWay


def _at_period_end(
    command: ScheduleChange | WithdrawChange, state: SubscriptionState
) -> list[SubscriptionEvent]:
    live = in_good_standing(state, command.actor_id)
    if isinstance(command, WithdrawChange):
        return without_change(live, command.now)
    who = (live.agreement.subscription_id, live.agreement.account_id)
    check_plan(live, command.terms)
    if is_upgrade(live.terms, command.terms):
        raise NotADowngrade
    if live.change == command.terms:
        return []
    return [PlanChangeScheduled(*who, command.terms, live.span.ends_at, command.now)]


def _order_upgrade(command: OrderUpgrade, state: SubscriptionState) -> list[SubscriptionEvent]:
    live = upgradable(state, command)
    of = live.agreement
    return [UpgradeInvoiced(of.subscription_id, of.account_id, command.upgrade, command.now)]


def _switch(command: SwitchPlan, state: SubscriptionState) -> list[SubscriptionEvent]:
    live, upgrade = upgradable(state, command), command.upgrade
    of = live.agreement
    paid, span = (upgrade.paid, _span(live, upgrade)) if upgrade else (live.paid, live.span)
    who = (of.subscription_id, of.account_id)
    return [PlanChanged(*who, command.terms, None, paid, span, command.now)]


def _span(live: Live, upgrade: Upgrade) -> Span:
    """Another term begins a new period, from a new anchor."""
    paid = upgrade.paid
    return Span(paid.starts_at, 0, paid.starts_at, paid.ends_at) if upgrade.resets else live.span


def _apply(command: ApplyUpgrade, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active):
        return []
    live, upgrade = state.live, state.live.upgrade
    if upgrade is None or upgrade.invoice_id != command.invoice_id or live.due is not None:
        return []
    of, span = live.agreement, _span(live, upgrade)
    who = (of.subscription_id, of.account_id, upgrade.terms, command.invoice_id)
    return [PlanChanged(*who, upgrade.paid, span, command.now)]


def _order_resumption(
    command: OrderResumption, state: SubscriptionState
) -> list[SubscriptionEvent]:
    check_owner(state, command.actor_id)
    if not isinstance(state, Paused):
        raise NotPaused
    live, of = state.live, state.live.agreement
    if live.resume_invoice is not None:
        raise OrderUnderWay
    who = (of.subscription_id, of.account_id)
    if command.invoice_id is None:
        span = Span(command.now, 0, *period(command.now, of.terms.term, 0))
        return [SubscriptionResumed(*who, of.terms, None, None, span, command.now)]
    return [ResumptionInvoiced(*who, command.invoice_id, command.now)]


def _resume(command: ResumeSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Paused) or state.live.resume_invoice != command.invoice_id:
        return []
    of = state.live.agreement
    span = Span(command.now, 0, *period(command.now, of.terms.term, 0))
    return [
        SubscriptionResumed(
            of.subscription_id,
            of.account_id,
            of.terms,
            command.invoice_id,
            command.paid.over(span.starts_at, span.ends_at),
            span,
            command.now,
        )
    ]


def _withdraw(command: WithdrawOrder, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active | Paused):
        return []
    live = state.live
    upgrade = live.upgrade.invoice_id if live.upgrade else None
    if command.invoice_id not in (upgrade, live.resume_invoice):
        return []
    return without_order(live, command.invoice_id, command.now)
