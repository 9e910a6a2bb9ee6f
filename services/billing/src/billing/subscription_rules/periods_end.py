"""What follows when a period ends, and when the next one is paid, or is not."""

from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from billing.catalogue import terms_for_existing
from billing.dunning import AWAITING_TRANSFER, GRACE, next_retry
from billing.periods import boundary, period
from billing.subscription_rules.states import (
    Active,
    Live,
    PastDue,
    Span,
    SubscriptionState,
    Trialing,
    TrialOutcome,
    Unpaid,
)
from billing.subscription_rules.waiting import lapsed, without_change
from billing.subscriptions.commands import (
    AwaitTransfer,
    EndGrace,
    EndPeriod,
    GiveUp,
    NoteFailedPayment,
    PeriodCommand,
    RenewSubscription,
)
from billing.subscriptions.events import (
    PeriodInvoiced,
    SubscriptionEnded,
    SubscriptionEvent,
    SubscriptionPastDue,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionUnpaid,
    TrialEnded,
)
from billing.terms import PlanTerms


def follow(command: PeriodCommand, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows; nothing when the command comes late, again, or for another period."""
    match command:
        case EndPeriod():
            return _end_period(command, state)
        case RenewSubscription():
            return _renew(command, state)
        case AwaitTransfer():
            return _await_transfer(command, state)
        case NoteFailedPayment():
            return _note_failure(command, state)
        case GiveUp():
            return _give_up(command, state)
        case EndGrace():
            return _end_grace(command, state)
        case _:
            assert_never(command)


def next_span(live: Live, terms: PlanTerms) -> Span:
    """The period after the current one: counted from the anchor, anew where the term changes."""
    if terms.term == live.terms.term:
        anchor, number = live.span.anchor, live.span.number + 1
        return Span(anchor, number, *period(anchor, terms.term, number))
    anchor = boundary(live.span.anchor, live.terms.term, live.span.number + 1)
    return Span(anchor, 0, *period(anchor, terms.term, 0))


def former_plan(live: Live, terms: PlanTerms) -> UUID | None:
    """The plan that other terms replace."""
    return live.terms.plan_id if terms.plan_id != live.terms.plan_id else None


def _end_period(command: EndPeriod, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active):
        return []
    live, now = state.live, command.now
    if live.span.ends_at != command.ends_at or live.due_invoice is not None:
        return []
    of = live.agreement
    who = (of.subscription_id, of.account_id)
    over = lapsed(live, now)
    if live.ending:
        return [*over, SubscriptionEnded(*who, "cancelled", now)]
    if live.pausing:
        alone = replace(live, upgrade=None)
        gone = lapsed(replace(live, change=None), now)
        return [*gone, *without_change(alone, now), SubscriptionPaused(*who, now)]
    return [*over, *_next_period(command, live)]


def _next_period(command: EndPeriod, live: Live) -> list[SubscriptionEvent]:
    of, now = live.agreement, command.now
    who = (of.subscription_id, of.account_id)
    ends_at = live.span.ends_at
    terms = live.change or terms_for_existing(live.terms, command.prices, ends_at)
    span = next_span(live, terms)
    if terms.is_free:
        former = former_plan(live, terms)
        renewed = SubscriptionRenewed(*who, terms, None, None, span, former, now)
        return [*_trial_ended(live, "free", now), renewed]
    if live.trial and not command.can_charge:
        ended = SubscriptionEnded(*who, "trial_ended", now)
        return [*_trial_ended(live, "no_way_to_charge", now), ended]
    return [PeriodInvoiced(*who, command.invoice_id, terms, span, now)]


def _trial_ended(live: Live, outcome: TrialOutcome, now: datetime) -> list[SubscriptionEvent]:
    if not live.trial:
        return []
    of = live.agreement
    return [TrialEnded(of.subscription_id, of.account_id, outcome, now)]


def _renew(command: RenewSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active | PastDue | Unpaid):
        return []
    live = state.live
    if live.due is None or live.due.invoice_id != command.invoice_id:
        return []
    of, span = live.agreement, live.due.span
    renewed = SubscriptionRenewed(
        of.subscription_id,
        of.account_id,
        live.due.terms,
        command.invoice_id,
        command.paid.over(span.starts_at, span.ends_at),
        span,
        former_plan(live, live.due.terms),
        command.now,
    )
    charged = _trial_ended(live, "charged", command.now) if isinstance(state, Trialing) else []
    return [*charged, renewed]


def _await_transfer(command: AwaitTransfer, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active) or state.live.due_invoice != command.invoice_id:
        return []
    of = state.live.agreement
    return [
        SubscriptionPastDue(
            of.subscription_id,
            of.account_id,
            command.invoice_id,
            failures=0,
            code=AWAITING_TRANSFER,
            since=command.now,
            retry_at=command.due_at,
            failed_at=command.now,
        )
    ]


def _note_failure(command: NoteFailedPayment, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing | Active | PastDue):
        return []
    live, now = state.live, command.now
    if live.due_invoice != command.invoice_id:
        return []
    of = live.agreement
    who = (of.subscription_id, of.account_id, command.invoice_id)
    since, failures = (state.since, state.failures + 1) if isinstance(state, PastDue) else (now, 1)
    declined = _trial_ended(live, "declined", now) if isinstance(state, Trialing) else []
    retry_at = next_retry(since, failures, hard=command.hard)
    if retry_at is None:
        return [*declined, SubscriptionUnpaid(*who, command.code, now + GRACE, now)]
    past_due = SubscriptionPastDue(*who, failures, command.code, since, retry_at, now)
    return [*declined, past_due]


def _give_up(command: GiveUp, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, PastDue) or state.retry_at != command.retry_at:
        return []
    live = state.live
    assert live.due_invoice is not None
    of = live.agreement
    return [
        SubscriptionUnpaid(
            of.subscription_id,
            of.account_id,
            live.due_invoice,
            command.code,
            command.now + GRACE,
            command.now,
        )
    ]


def _end_grace(command: EndGrace, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Unpaid) or state.grace_until != command.grace_until:
        return []
    of = state.live.agreement
    return [SubscriptionEnded(of.subscription_id, of.account_id, "unpaid", command.now)]
