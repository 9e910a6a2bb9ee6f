"""What waits: an upgrade for its payment, a downgrade for the period's end.

Each holds categories, and shows as the pending change: where one is withdrawn, what still waits is
said again.
"""

from datetime import datetime
from uuid import UUID

from billing.subscription_rules.states import Live
from billing.subscriptions.events import (
    OrderWithdrawn,
    PlanChangeScheduled,
    PlanChangeWithdrawn,
    SubscriptionEvent,
    UpgradeInvoiced,
)


def without_order(live: Live, invoice_id: UUID, now: datetime) -> list[SubscriptionEvent]:
    """The order of this invoice will not be paid."""
    who = (live.agreement.subscription_id, live.agreement.account_id)
    events: list[SubscriptionEvent] = [OrderWithdrawn(*who, invoice_id, now)]
    if live.change is not None:
        events.append(PlanChangeScheduled(*who, live.change, live.span.ends_at, now))
    return events


def without_change(live: Live, now: datetime) -> list[SubscriptionEvent]:
    """It stays the plan that it is; nothing where no other was planned."""
    if live.change is None:
        return []
    who = (live.agreement.subscription_id, live.agreement.account_id)
    events: list[SubscriptionEvent] = [PlanChangeWithdrawn(*who, now)]
    if live.upgrade is not None:
        events.append(UpgradeInvoiced(*who, live.upgrade, now))
    return events


def lapsed(live: Live, now: datetime) -> list[SubscriptionEvent]:
    """The period is over in which an upgrade was to be paid; its invoice is for that period."""
    return without_order(live, live.upgrade.invoice_id, now) if live.upgrade else []
