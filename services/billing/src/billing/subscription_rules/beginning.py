"""How a subscription begins: free at once, as a trial once that is secured, or when paid."""

from datetime import datetime
from typing import assert_never

from common.problems import NotFound

from billing.subscription_rules.backdating import (
    SubscriptionBackdated,
    TrialOver,
    checked,
    first_span,
    trial_of,
)
from billing.subscription_rules.refusals import SubscriptionExists
from billing.subscription_rules.states import (
    NoSubscription,
    Pending,
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
    who, anchor = (
        (command.subscription_id, command.account_id),
        checked(command.anchor, command.now),
    )
    created: list[SubscriptionEvent] = [
        SubscriptionCreated(
            *who,
            terms=command.terms,
            provider=command.provider,
            trial=command.trial,
            invoice_id=command.invoice_id,
            expires_at=command.expires_at,
            created_at=command.now,
        )
    ]
    if anchor is not None:
        created.append(SubscriptionBackdated(*who, anchor, command.now))
    return [*created, *_at_once(command, anchor)]


def _at_once(command: CreateSubscription, anchor: datetime | None) -> list[SubscriptionEvent]:
    """What begins with the order: a trial that is secured, or what costs nothing."""
    who, terms, now = (command.subscription_id, command.account_id), command.terms, command.now
    if command.trial:
        starts_at, ends_at = trial_of(anchor, terms, now)
        if anchor not in (None, starts_at):
            raise TrialOver
        return [TrialStarted(*who, terms.family, starts_at, ends_at)] if command.secured else []
    if command.invoice_id is not None:
        return []
    span = first_span(anchor, terms.term, now)
    return [SubscriptionActivated(*who, terms, None, None, span, now)]


def _start_trial(command: StartTrial, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Pending) or not state.trial:
        return []
    of = state.agreement
    times = trial_of(state.anchor, of.terms, command.now)
    return [TrialStarted(of.subscription_id, of.account_id, of.terms.family, *times)]


def _announce(command: AnnounceTrialEnd, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Trialing) or state.live.span.ends_at != command.ends_at:
        return []
    of = state.live.agreement
    return [TrialEndAnnounced(of.subscription_id, of.account_id, command.ends_at, command.now)]


def _activate(command: ActivateSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if not isinstance(state, Pending) or state.invoice_id != command.invoice_id:
        return []
    of = state.agreement
    span = first_span(state.anchor, of.terms.term, command.now)
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
