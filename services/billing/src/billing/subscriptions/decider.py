"""The rules of a subscription: pure, and told in parts under `subscription_rules`."""

from common.decider import Decider

from billing.subscription_rules.beginning import begin
from billing.subscription_rules.grants import give
from billing.subscription_rules.history import evolve
from billing.subscription_rules.orders import order
from billing.subscription_rules.periods_end import follow
from billing.subscription_rules.reversals import reverse
from billing.subscription_rules.set_aside import note
from billing.subscription_rules.states import NoSubscription, SubscriptionState
from billing.subscription_rules.wishes import grant
from billing.subscriptions.commands import (
    BeginningCommand,
    GrantCommand,
    NoteSetAside,
    PeriodCommand,
    ReverseInvoice,
    SubscriptionCommand,
    WishCommand,
)
from billing.subscriptions.events import SubscriptionEvent


def decide(command: SubscriptionCommand, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows from a command. Raises the refusals, and `NotFound` also for another's."""
    if isinstance(command, BeginningCommand):
        return begin(command, state)
    if isinstance(command, PeriodCommand):
        return follow(command, state)
    if isinstance(command, WishCommand):
        return grant(command, state)
    if isinstance(command, GrantCommand):
        return give(command, state)
    if isinstance(command, ReverseInvoice):
        return reverse(command, state)
    if isinstance(command, NoteSetAside):
        return [*note(command, state)]
    return order(command, state)


SUBSCRIPTION: Decider[SubscriptionCommand, SubscriptionState, SubscriptionEvent] = Decider(
    "subscription", NoSubscription(), decide, evolve
)
