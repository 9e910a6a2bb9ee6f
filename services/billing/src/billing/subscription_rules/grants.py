"""What an administrator may give: more days of a period, or a period without its payment."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from common.problems import NotFound

from billing.periods import period
from billing.subscription_rules.backdating import first_span
from billing.subscription_rules.beginning import begin
from billing.subscription_rules.periods_end import former_plan
from billing.subscription_rules.refusals import PeriodBeingPaid, SubscriptionOver, TrialRunning
from billing.subscription_rules.states import (
    Active,
    Ended,
    NoSubscription,
    PastDue,
    Paused,
    Pending,
    Span,
    SubscriptionState,
    Trialing,
    Unpaid,
)
from billing.subscription_rules.wishes import in_good_standing
from billing.subscriptions.commands import ExtendPeriod, GrantPeriod, StartTrial
from billing.subscriptions.events import (
    PlanChangeScheduled,
    SubscriptionActivated,
    SubscriptionEvent,
    SubscriptionExtended,
    SubscriptionRenewed,
    SubscriptionResumed,
)


def give(command: ExtendPeriod | GrantPeriod, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows. Raises the refusals."""
    return _extend(command, state) if isinstance(command, ExtendPeriod) else _grant(command, state)


def _extend(command: ExtendPeriod, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What was paid lasts longer, and the periods to come are counted from the new end."""
    live, now = in_good_standing(state, None), command.now
    ends_at = live.span.ends_at + timedelta(days=command.days)
    span = Span(ends_at, -1, live.span.starts_at, ends_at)
    paid = live.paid and replace(live.paid, ends_at=ends_at)
    who = (live.agreement.subscription_id, live.agreement.account_id)
    extended = SubscriptionExtended(*who, command.days, live.trial, paid, span, now)
    if live.change is None:
        return [extended]
    return [extended, PlanChangeScheduled(*who, live.change, ends_at, now)]


def _grant(command: GrantPeriod, state: SubscriptionState) -> list[SubscriptionEvent]:
    match state:
        case NoSubscription():
            raise NotFound
        case Ended():
            raise SubscriptionOver
        case Trialing():
            raise TrialRunning
        case Active():
            if state.live.due is not None:
                raise PeriodBeingPaid
            return []
        case Pending():
            return _begun(command, state)
        case PastDue() | Unpaid() | Paused():
            return _gone_on(command, state)
        case _:
            assert_never(state)


def _begun(command: GrantPeriod, state: Pending) -> list[SubscriptionEvent]:
    of, now = state.agreement, command.now
    if state.trial:
        return begin(StartTrial(now), state)
    span = first_span(state.anchor, of.terms.term, now)
    who = (of.subscription_id, of.account_id)
    return [SubscriptionActivated(*who, of.terms, None, None, span, now)]


def _gone_on(command: GrantPeriod, state: PastDue | Unpaid | Paused) -> list[SubscriptionEvent]:
    live, now = state.live, command.now
    of = live.agreement
    who = (of.subscription_id, of.account_id)
    if isinstance(state, Paused):
        span = Span(now, 0, *period(now, of.terms.term, 0))
        return [SubscriptionResumed(*who, of.terms, None, None, span, now)]
    assert live.due is not None
    terms, span = live.due.terms, live.due.span
    former = former_plan(live, terms)
    return [SubscriptionRenewed(*who, terms, None, None, span, former, now)]
