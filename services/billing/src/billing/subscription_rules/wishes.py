"""What a subscriber may wish at any time: to cancel, to stay, to pause."""

from typing import assert_never
from uuid import UUID

from common.problems import NotFound

from billing.subscription_rules.refusals import NotActive, SubscriptionOver
from billing.subscription_rules.states import (
    Active,
    Ended,
    EndReason,
    Live,
    NoSubscription,
    Pending,
    SubscriptionState,
    Trialing,
)
from billing.subscription_rules.waiting import without_change
from billing.subscriptions.commands import (
    CancelSubscription,
    EndSubscription,
    PauseSubscription,
    ReactivateSubscription,
    WishCommand,
    WithdrawPause,
)
from billing.subscriptions.events import (
    CancellationScheduled,
    CancellationWithdrawn,
    PauseScheduled,
    PauseWithdrawn,
    SubscriptionEnded,
    SubscriptionEvent,
)


def grant(command: WishCommand, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows. Raises `NotFound` also for another's, `SubscriptionOver`, `NotActive`."""
    match command:
        case EndSubscription():
            return _end(command, state)
        case CancelSubscription():
            return _cancel(command, state)
        case ReactivateSubscription():
            return _reactivate(command, state)
        case PauseSubscription():
            return _pause(command, state)
        case WithdrawPause():
            return _withdraw_pause(command, state)
        case _:
            assert_never(command)


def check_owner(state: SubscriptionState, actor_id: UUID | None) -> None:
    """Another's subscription is as good as none. None is the house itself."""
    if isinstance(state, NoSubscription):
        raise NotFound
    of = state.agreement if isinstance(state, Pending | Ended) else state.live.agreement
    if actor_id is not None and of.account_id != actor_id:
        raise NotFound


def in_good_standing(state: SubscriptionState, actor_id: UUID | None) -> Live:
    """The subscription if nothing is owed for it. Raises `NotFound`, `SubscriptionOver`,
    `NotActive`."""
    check_owner(state, actor_id)
    if isinstance(state, Ended):
        raise SubscriptionOver
    if not isinstance(state, Trialing | Active) or state.live.due is not None:
        raise NotActive
    return state.live


def _end(command: EndSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    if isinstance(state, NoSubscription | Ended):
        return []
    return _ended(state, command.reason, command)


def _ended(
    state: SubscriptionState, reason: EndReason, command: EndSubscription | CancelSubscription
) -> list[SubscriptionEvent]:
    assert not isinstance(state, NoSubscription | Ended)
    of = state.agreement if isinstance(state, Pending) else state.live.agreement
    return [SubscriptionEnded(of.subscription_id, of.account_id, reason, command.now)]


def _cancel(command: CancelSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    check_owner(state, command.actor_id)
    if isinstance(state, Ended):
        if state.reason == "cancelled":
            return []
        raise SubscriptionOver
    # only what is paid for has an end to wait for
    lasts = isinstance(state, Trialing | Active) and state.live.due is None
    if command.at == "now" or not lasts:
        return _ended(state, "cancelled", command)
    assert isinstance(state, Trialing | Active)
    live = state.live
    if live.ending:
        return []
    of = live.agreement
    who = (of.subscription_id, of.account_id)
    events: list[SubscriptionEvent] = []
    if live.pausing:
        events.append(PauseWithdrawn(*who, command.now))
    events += without_change(live, command.now)
    return [*events, CancellationScheduled(*who, live.span.ends_at, command.now)]


def _reactivate(
    command: ReactivateSubscription, state: SubscriptionState
) -> list[SubscriptionEvent]:
    live = in_good_standing(state, command.actor_id)
    if not live.ending:
        return []
    of = live.agreement
    return [CancellationWithdrawn(of.subscription_id, of.account_id, command.now)]


def _pause(command: PauseSubscription, state: SubscriptionState) -> list[SubscriptionEvent]:
    live = in_good_standing(state, command.actor_id)
    if live.trial or live.ending:
        raise NotActive
    if live.pausing:
        return []
    of = live.agreement
    return [PauseScheduled(of.subscription_id, of.account_id, live.span.ends_at, command.now)]


def _withdraw_pause(command: WithdrawPause, state: SubscriptionState) -> list[SubscriptionEvent]:
    live = in_good_standing(state, command.actor_id)
    if not live.pausing:
        return []
    of = live.agreement
    return [PauseWithdrawn(of.subscription_id, of.account_id, command.now)]
