"""What ends, or is undone, when all that an invoice brought in is gone again.

Given back by us or taken by a bank, it is the same: a period that is running ends at once; an
upgrade goes back to the plan before. What is over stays what it was: it was had.
"""

from billing.subscription_rules.states import Live, Running, Span, SubscriptionState
from billing.subscriptions.commands import ReverseInvoice
from billing.subscriptions.events import (
    PlanChangeWithdrawn,
    SubscriptionEnded,
    SubscriptionEvent,
    UpgradeReversed,
)


def reverse(command: ReverseInvoice, state: SubscriptionState) -> list[SubscriptionEvent]:
    """What follows; nothing where the invoice is not what the present period stands on."""
    if not isinstance(state, Running) or state.live.span.ends_at <= command.now:
        return []
    live = state.live
    of = live.agreement
    ended = SubscriptionEnded(of.subscription_id, of.account_id, command.reason, command.now)
    if live.invoice_id == command.invoice_id:
        return [ended]
    if live.before is None or live.before.invoice_id != command.invoice_id:
        return []
    return _back(live, command) if command.may_go_back else [ended]


def _back(live: Live, command: ReverseInvoice) -> list[SubscriptionEvent]:
    before, of, now = live.before, live.agreement, command.now
    assert before is not None
    who = (of.subscription_id, of.account_id)
    span, paid = before.span or live.span, before.paid
    if span.ends_at <= now:
        # its period is over meanwhile: the next one begins now, and is charged
        span, paid = Span(now, -1, now, now), None
    events: list[SubscriptionEvent] = [PlanChangeWithdrawn(*who, now)] if live.change else []
    return [*events, UpgradeReversed(*who, command.invoice_id, before.terms, paid, span, now)]
