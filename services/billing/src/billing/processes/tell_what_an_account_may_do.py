"""When a subscription changes, others hear what its account may do now, if that is another thing.

It is looked up afresh at each change, so that no order of events and no repetition matters.
"""

from uuid import UUID

from common.clock import Clock
from common.event_store import Cause, Recorded
from common.kernel import Kernel
from common.processors import Processor

from billing.entitlements.commands import SettleEntitlements
from billing.entitlements.decider import ENTITLEMENTS
from billing.subscriptions.events import (
    PlanChanged,
    SubscriptionActivated,
    SubscriptionEnded,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionResumed,
    TrialStarted,
    UpgradeReversed,
)
from billing.views.what_an_account_may_do import entitlements_of

_Matters = (
    TrialStarted
    | SubscriptionActivated
    | SubscriptionRenewed
    | PlanChanged
    | UpgradeReversed
    | SubscriptionPaused
    | SubscriptionResumed
    | SubscriptionEnded
)


def tell_what_an_account_may_do(kernel: Kernel, clock: Clock) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: _Matters = record.event
        id, now = event.account_id, clock.now()
        command = SettleEntitlements(id, await entitlements_of(kernel.database, id), now)
        await kernel.commands.handle(ENTITLEMENTS, id, command, Cause(key, now))

    return Processor("tell_what_an_account_may_do", _Matters, act, _may_change_something)


def _may_change_something(event: _Matters) -> bool:
    """Not the same plan for one more period: there are ten thousand of them on some mornings."""
    return not isinstance(event, SubscriptionRenewed) or event.former_plan_id is not None
