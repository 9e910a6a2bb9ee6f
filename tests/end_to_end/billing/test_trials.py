"""Trials: what is known at their end decides whether they are charged, tried again, or over."""

from typing import Any

import pytest

from tests.end_to_end.billing.shop import METHODS, MINE
from tests.end_to_end.billing.twin import LATER_DECLINED

pytestmark = pytest.mark.integration

TRIAL = {"trial_days": 14, "limits": {"cards.max": 7}}


async def reminded(shop: Any, person: Any, id: str) -> Any:
    """The subscription when its trial has been announced to end, and nothing was taken."""
    await shop.later(days=11, seconds=60)
    assert len(await person.reads("Your trial ends on")) == 1
    assert await person.invoices() == []
    return await person.sees(id, "trialing")


async def test_a_trial_begins_with_a_saved_card_and_is_charged_when_it_ends(shop: Any) -> None:
    ann = await shop.customer("ann.tries")
    ordered = (await ann.orders(await shop.plan(1900, **TRIAL))).body
    assert (ordered["subscription"]["status"], ordered["invoice"]) == ("pending", None)
    await shop.twin.pay(ordered["checkout_url"])
    id = ordered["subscription"]["id"]
    await ann.sees(id, "trialing")
    assert await ann.limits() == {"cards.max": 7}

    trialing = await reminded(shop, ann, id)
    await shop.until(trialing["trial_ends_at"])

    active = await ann.sees(id, "active")
    assert active["current_period_start"] == trialing["trial_ends_at"]
    assert [i["status"] for i in await ann.invoices()] == ["paid"]
    assert [c["amount"] for c in await shop.twin.charges(ann.id)] == [1900]
    await ann.reads("Receipt")
    await ann.does("POST", f"{MINE}/{id}/cancel", {"at": "now"})
    second = (await ann.orders(active["plan"]["id"])).body
    assert second["invoice"]["total"]["amount"] == 1900, "there is one trial of a plan"
    await ann.does("POST", f"{MINE}/{second['subscription']['id']}/cancel", {"at": "now"})


async def test_a_trial_whose_card_is_declined_is_tried_again_as_any_other(shop: Any) -> None:
    ann = await shop.customer("ann.tries.in.vain")
    await ann.saves(LATER_DECLINED)
    ordered = (await ann.orders(await shop.plan(1900, **TRIAL))).body
    assert (ordered["status"], ordered["subscription"]["status"]) == ("paid", "trialing")
    id = ordered["subscription"]["id"]

    trialing = await reminded(shop, ann, id)
    await shop.until(trialing["trial_ends_at"])

    owing = await ann.sees(id, "past_due")
    assert owing["next_retry_at"] is not None
    assert [i["status"] for i in await ann.invoices()] == ["open"]
    assert await shop.twin.charges(ann.id) == []
    await ann.reads("Your payment did not go through")
    ended = await ann.does("POST", f"{MINE}/{id}/cancel", {"at": "now"})
    assert ended["status"] == "ended"
    assert [i["status"] for i in await ann.invoices()] == ["void"]


async def test_a_trial_that_nobody_can_be_charged_for_is_over(shop: Any) -> None:
    ann = await shop.customer("ann.tries.and.hides")
    await ann.saves()
    ordered = (await ann.orders(await shop.plan(1900, **TRIAL))).body
    id = ordered["subscription"]["id"]
    (card,) = (await ann.does("GET", METHODS))["items"]
    await ann.does("DELETE", f"{METHODS}/{card['id']}")

    trialing = await reminded(shop, ann, id)
    await shop.until(trialing["trial_ends_at"])

    ended = await ann.sees(id, "ended")
    assert (ended["end_reason"], await ann.limits()) == ("trial_ended", {})
    assert await ann.invoices() == []
    await ann.reads("has ended")
