"""What a subscription is after all that has happened to it."""

from dataclasses import replace
from typing import assert_never

from billing.subscription_rules.backdating import SubscriptionBackdated
from billing.subscription_rules.set_aside import MoneySetAside, noted, without
from billing.subscription_rules.states import (
    Active,
    Agreement,
    Before,
    Due,
    Ended,
    Live,
    PastDue,
    Paused,
    Pending,
    Running,
    Span,
    SubscriptionState,
    Trialing,
    Unpaid,
)
from billing.subscriptions import events as facts
from billing.subscriptions.events import SubscriptionEvent

_Begun = facts.SubscriptionActivated | facts.SubscriptionRenewed | facts.SubscriptionResumed
_Owing = facts.PeriodInvoiced | facts.SubscriptionPastDue | facts.SubscriptionUnpaid
_Over = facts.SubscriptionEnded | facts.SubscriptionPaused | facts.TrialEnded
_Beginning = facts.SubscriptionCreated | facts.TrialStarted | facts.TrialEndAnnounced


def evolve(state: SubscriptionState, event: SubscriptionEvent) -> SubscriptionState:
    """The state after one more event."""
    if isinstance(event, _Beginning):
        return _beginning(state, event)
    if isinstance(event, _Begun):
        return Active(_live(state, event))
    if isinstance(event, _Owing):
        return _owing(_running(state), event)
    if isinstance(event, _Over):
        return _over(state, event)
    if isinstance(event, SubscriptionBackdated):
        assert isinstance(state, Pending)
        return replace(state, anchor=event.anchor)
    running = _running(state)
    if isinstance(event, MoneySetAside):
        return replace(running, live=noted(running.live, event))
    return replace(running, live=_changed(running.live, event))


def agreement_of(state: SubscriptionState) -> Agreement:
    """Who agreed on what. There must be a subscription."""
    if isinstance(state, Pending | Ended):
        return state.agreement
    return _running(state).live.agreement


def _running(state: SubscriptionState) -> Running:
    assert isinstance(state, Running)
    return state


def _beginning(state: SubscriptionState, event: _Beginning) -> SubscriptionState:
    match event:
        case facts.SubscriptionCreated():
            who = (event.subscription_id, event.account_id)
            agreement = Agreement(*who, event.terms, event.provider)
            return Pending(agreement, event.trial, event.invoice_id, event.expires_at)
        case facts.TrialStarted():
            assert isinstance(state, Pending)
            # the first period is counted from the trial's end, and this is the one before it
            span = Span(event.ends_at, -1, event.started_at, event.ends_at)
            return Trialing(Live(state.agreement, span, None, trial=True))
        case facts.TrialEndAnnounced():
            return state
        case _:
            assert_never(event)


def _live(state: SubscriptionState, event: _Begun) -> Live:
    """A fresh period. What was to happen at the end of the one before has happened."""
    agreement = replace(agreement_of(state), terms=event.terms)
    live = Live(agreement, event.span, event.paid, event.invoice_id)
    if isinstance(state, Active | Trialing | PastDue | Unpaid):
        # a wish that came while the payment was under way is kept
        live = replace(live, ending=state.live.ending, pausing=state.live.pausing)
    return live


def _owing(state: Running, event: _Owing) -> SubscriptionState:
    live = state.live
    match event:
        case facts.PeriodInvoiced():
            due = Due(event.invoice_id, event.terms, event.span)
            return replace(state, live=replace(live, due=due))
        case facts.SubscriptionPastDue():
            return PastDue(live, event.since, event.failures, event.retry_at)
        case facts.SubscriptionUnpaid():
            return Unpaid(live, event.grace_until)
        case _:
            assert_never(event)


def _over(state: SubscriptionState, event: _Over) -> SubscriptionState:
    match event:
        case facts.SubscriptionEnded():
            return Ended(agreement_of(state), event.reason, event.ended_at)
        case facts.SubscriptionPaused():
            return Paused(replace(_running(state).live, pausing=False), event.paused_at)
        case facts.TrialEnded():
            running = _running(state)
            live = replace(running.live, trial=False)
            return Active(live) if isinstance(running, Trialing) else replace(running, live=live)
        case _:
            assert_never(event)


def _changed(live: Live, event: SubscriptionEvent) -> Live:
    match event:
        case facts.CancellationScheduled() | facts.CancellationWithdrawn():
            return replace(live, ending=isinstance(event, facts.CancellationScheduled))
        case facts.PauseScheduled() | facts.PauseWithdrawn():
            return replace(live, pausing=isinstance(event, facts.PauseScheduled))
        case facts.PlanChangeScheduled():
            return replace(live, change=event.terms)
        case facts.PlanChangeWithdrawn():
            return replace(live, change=None)
        case facts.UpgradeInvoiced():
            return replace(live, upgrade=event.upgrade)
        case _:
            return _ordered(live, event)


def _ordered(live: Live, event: SubscriptionEvent) -> Live:
    match event:
        case facts.ResumptionInvoiced():
            return replace(live, resume_invoice=event.invoice_id)
        case facts.OrderWithdrawn():
            return replace(live, upgrade=None, resume_invoice=None)
        case facts.SubscriptionExtended():
            return replace(live, span=event.span, paid=event.paid)
        case facts.PlanChanged():
            counted = live.counted if event.paid == live.paid else live.set_aside
            changed = replace(_replanned(live, event), before=_before(live, event))
            return replace(changed, counted=counted)
        case facts.UpgradeReversed():
            return _undone(live, event)
        case _:
            raise AssertionError(event)


def _replanned(live: Live, event: facts.PlanChanged | facts.UpgradeReversed) -> Live:
    agreement = replace(live.agreement, terms=event.terms)
    live = replace(live, agreement=agreement, span=event.span, paid=event.paid)
    return replace(live, upgrade=None, change=None)


def _before(live: Live, event: facts.PlanChanged) -> Before | None:
    if event.invoice_id is None:
        return live.before  # nothing was paid that could be given back
    moved = None if event.span == live.span else live.span
    return Before(event.invoice_id, live.terms, live.paid, moved, live.before, live.counted)


def _undone(live: Live, event: facts.UpgradeReversed) -> Live:
    before = live.before
    back = replace(_replanned(live, event), before=before and before.before)
    # what went back of the invoices beneath counts against their money again
    left = without(live.set_aside, event.invoice_id)
    return replace(back, set_aside=left, counted=before.counted if before else ())
