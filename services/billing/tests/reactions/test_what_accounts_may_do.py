"""What an account may do follows from its live subscriptions, and others hear of changes only."""

from datetime import UTC, datetime, timedelta
from typing import Any

from billing.entitlement_rules import Entitlements
from billing.subscriptions.events import (
    CancellationScheduled,
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionUnpaid,
)
from common.ids import uuid7

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


async def test_an_account_may_do_what_its_plans_give_until_they_end(desk: Any) -> None:
    ada = await desk.customer()
    pro = await desk.subscribes(ada)
    one = await desk.may(ada)
    team = await desk.subscribes(ada, desk.team)
    both = (await desk.may(ada))[len(one) :]
    for id in (team, pro):
        await desk.happens(f"subscription-{id}", SubscriptionEnded(id, ada, "cancelled", NOW))
    left = await desk.may(ada)

    assert one == [Entitlements(("statistics",), (("cards.max", 10),), ("pro",))]
    assert both == [Entitlements(("statistics", "team"), (("cards.max", 50),), ("pro", "team"))]
    assert left[-1] == Entitlements()


async def test_what_changes_nothing_of_it_is_told_to_nobody(desk: Any) -> None:
    ada = await desk.customer()
    id = await desk.subscribes(ada)
    before = await desk.may(ada)
    await desk.happens(
        f"subscription-{id}",
        CancellationScheduled(id, ada, LATER, NOW),
        SubscriptionPastDue(id, ada, uuid7(), 1, "expired_card", NOW, LATER, NOW),
        SubscriptionUnpaid(id, ada, uuid7(), "expired_card", LATER, NOW),
    )
    await desk.subscribes(ada)

    assert await desk.may(ada) == before
    assert len(before) == 1
