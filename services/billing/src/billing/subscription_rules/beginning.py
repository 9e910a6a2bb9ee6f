"""How a subscription begins: free at once, as a trial once that is secured, or when paid."""

from datetime import timedelta
from typing import assert_never

from common.problems import NotFound

from billing.periods import period
from billing.subscription_rules.refusals import SubscriptionExists
from billing.subscription_rules.states import (
    NoSubscription,
    Pending,
    Span,
    SubscriptionState,
    Trialing,
)
from billing.subscriptions.commands import (
    ActivateSubscription,
    AnnounceTrialEnd,
    BeginningCommand,
    CreateSubscription,
    StartTrial,
)
from billing.subscriptions.events import (
    SubscriptionActivated,
    SubscriptionCreated,
    SubscriptionEvent,
    TrialEndAnnounced,
    TrialStarted,
)


def begin(command: BeginningCommand, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows; nothing for what has happened already."""
    if isinstance(command, CreateSubscription):
        return _create(command, state)
    if isinstance(state, NoSubscription):
        raise NotFound
    match command:
        case StartTrial():
            return _start_trial(command, state)
        case AnnounceTrialEnd():
            return _announce(command, state)
        case ActivateSubscription():
            return _activate(command, state)
        case _:
            assert_never(command)


def _create(command: CreateSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, NoSubscription):
        raise SubscriptionExists
    who = (command.subscription_id, command.account_id)
    created = SubscriptionCreated(
        *who,
        terms=command.terms,
        provider=command.provider,
        trial=command.trial,
        invoice_id=command.invoice_id,
        expires_at=command.expires_at,
        created_at=command.now,
    )
    if command.trial:
        return [created, _trial(command)] if command.secured else [created]
    if command.invoice_id is not None:
        return [created]
    span = Span(command.now, 0, *period(command.now, command.terms.term, 0))
    return [
        created,
        SubscriptionActivated(*who, command.terms, None, None, span, command.now),
    ]


def _trial(command: CreateSubscription) -> TrialStarted:
    ends_at = command.now + timedelta(days=command.terms.trial_days)
    return TrialStarted(
        command.subscription_id, command.account_id, command.terms.family, command.now, ends_at
    )


def _start_trial(command: StartTrial, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Pending) or not state.trial:
        return []
    of = state.agreement
    ends_at = command.now + timedelta(days=of.terms.trial_days)
    return [TrialStarted(of.subscription_id, of.account_id, of.terms.family, command.now, ends_at)]


def _announce(command: AnnounceTrialEnd, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing) or state.live.span.ends_at != command.ends_at:
        return []
    of = state.live.agreement
    return [TrialEndAnnounced(of.subscription_id, of.account_id, command.ends_at, command.now)]


def _activate(command: ActivateSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Pending) or state.invoice_id != command.invoice_id:
        return []
    of = state.agreement
    span = Span(command.now, 0, *period(command.now, of.terms.term, 0))
    paid = command.paid.over(span.starts_at, span.ends_at)
    return [
        SubscriptionActivated(
            of.subscription_id,
            of.account_id,
            of.terms,
            command.invoice_id,
            paid,
            span,
            command.now,
        )
    ]
