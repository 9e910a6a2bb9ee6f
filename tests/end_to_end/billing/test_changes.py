"""Minds that are changed: leaving, staying, pausing, another plan."""

import asyncio
from typing import Any

import pytest

from tests.end_to_end.billing.shop import MINE

pytestmark = pytest.mark.integration


async def test_a_cancellation_keeps_what_is_paid_for_and_can_be_withdrawn(shop: Any) -> None:
    ann, plan = await shop.customer("ann.wavers"), await shop.plan(limits={"cards.max": 4})
    id = await ann.buys(plan)
    await ann.does("POST", f"{MINE}/{id}/cancel")
    stays = await ann.does("POST", f"{MINE}/{id}/reactivate")

    await shop.until(stays["current_period_end"])
    renewed = await ann.sees(id, "active", current_period_start=stays["current_period_end"])
    goes = await ann.does("POST", f"{MINE}/{id}/cancel")
    kept = await ann.limits()
    await shop.until(renewed["current_period_end"])

    assert (stays["status"], stays["cancel_at_period_end"]) == ("active", False)
    assert (goes["status"], goes["cancel_at_period_end"]) == ("active", True)
    assert kept == {"cards.max": 4}, "access stays as long as is paid for"
    ended = await ann.sees(id, "ended")
    assert (ended["end_reason"], await ann.limits()) == ("cancelled", {})
    again = await ann.ask("POST", f"{MINE}/{id}/reactivate")
    assert (again.status, again.body["code"]) == (409, "subscription_ended")
    assert len(await ann.invoices()) == 2
    await ann.reads("has ended")


async def test_a_cancellation_now_ends_access_at_once(shop: Any) -> None:
    ann, plan = await shop.customer("ann.leaves"), await shop.plan(limits={"cards.max": 2})
    id = await ann.buys(plan)
    assert await ann.limits() == {"cards.max": 2}

    ended, same = [await ann.does("POST", f"{MINE}/{id}/cancel", {"at": "now"}) for _ in "12"]

    assert (ended["status"], ended["end_reason"]) == ("ended", "cancelled")
    assert same["ended_at"] == ended["ended_at"]
    assert await ann.limits() == {}


async def test_a_pause_costs_nothing_and_a_resumption_begins_a_period_that_is_paid(
    shop: Any,
) -> None:
    ann, plan = await shop.customer("ann.rests"), await shop.plan(limits={"cards.max": 2})
    id = await ann.buys(plan)
    paused = await ann.does("POST", f"{MINE}/{id}/pause")

    await shop.until(paused["current_period_end"])
    await ann.sees(id, "paused")
    assert await ann.limits() == {}
    now = await shop.later(days=40)
    resumed = await ann.does("POST", f"{MINE}/{id}/resume")

    assert paused["pause_at_period_end"]
    assert (resumed["status"], resumed["subscription"]["status"]) == ("applied", "active")
    assert resumed["subscription"]["current_period_start"] >= now.isoformat()[:19]
    assert [i["total"]["amount"] for i in await ann.invoices(status="paid")] == [1200, 1200]
    assert await ann.limits() == {"cards.max": 2}
    await ann.does("POST", f"{MINE}/{id}/cancel", {"at": "now"})


async def test_an_upgrade_costs_exactly_what_its_preview_said_also_twice_at_once(
    shop: Any,
) -> None:
    ann, dearer = await shop.customer("ann.rises"), await shop.plan(4900, limits={"cards.max": 9})
    id = await ann.buys(await shop.plan(1200))
    await shop.later(days=11)

    preview = await ann.does("GET", f"{MINE}/{id}/change-preview?plan_id={dearer}")
    await shop.later(seconds=300)
    body = {"preview_token": preview["preview_token"]}
    answers = await asyncio.gather(*(ann.ask("POST", f"{MINE}/{id}/upgrade", body) for _ in "123"))

    assert 0 < preview["credit"]["amount"] < 1200
    bought = [a.body for a in answers if a.status == 200]
    assert bought, answers
    assert {a.status for a in answers} <= {200, 409}
    assert {b["invoice"]["total"]["amount"] for b in bought} == {preview["total"]["amount"]}
    upgraded = await ann.subscription(id)
    assert (upgraded["plan"]["id"], upgraded["pending_change"]) == (dearer, None)
    taken = [charge["amount"] for charge in await shop.twin.charges(ann.id)]
    assert taken == [1200, preview["total"]["amount"]]
    assert await ann.limits() == {"cards.max": 9}
    await ann.may_have(9)


async def test_a_downgrade_waits_for_the_end_of_the_period(shop: Any) -> None:
    ann, cheaper = await shop.customer("ann.saves"), await shop.plan(500, limits={"cards.max": 1})
    id = await ann.buys(await shop.plan(1200, limits={"cards.max": 5}))

    planned = await ann.does("POST", f"{MINE}/{id}/downgrade", {"plan_id": cheaper})
    kept = await ann.limits()
    await shop.until(planned["current_period_end"])

    assert planned["pending_change"]["plan"]["id"] == cheaper
    assert planned["pending_change"]["takes_effect_at"] == planned["current_period_end"]
    assert kept == {"cards.max": 5}
    changed = await ann.sees(id, "active", pending_change=None)
    assert changed["plan"]["id"] == cheaper
    assert [i["total"]["amount"] for i in await ann.invoices()] == [500, 1200]
    assert await ann.limits() == {"cards.max": 1}
