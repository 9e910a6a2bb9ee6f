"""What a plan gives is there as soon as it is had, and gone with it; and with whom it leaves."""

from typing import Any
from uuid import UUID, uuid4

from billing.personal_data import held_about

ENTITLEMENTS = "/api/v1/user/entitlements"
FREE = [{"price": {"amount": 0, "currency": "EUR"}}]
NOTHING = {"features": [], "limits": {}, "plans": []}


async def subscribed(world: Any, slug: str, **more: Any) -> tuple[Any, str]:
    """Somebody with a free plan of this slug, and the plan's subscription."""
    plan = await world.admin.plan(slug, prices=FREE, trial_days=0, **more)
    ada = await world.customer()
    body = {"plan_id": plan["id"], "currency": "EUR", "payment_method": "stripe"}
    bought = await ada.ask("POST", "/api/v1/user/checkout", body, Idempotency_Key=str(uuid4()))
    assert bought.status == 201, bought.body
    return ada, bought.body["subscription"]["id"]


async def subscribers(world: Any, slug: str) -> tuple[int, int]:
    """How many have the plan, as the plan itself and the list of all tell it."""
    path = "/api/v1/admin/tarif-plans"
    one = (await world.admin.ask("GET", f"{path}/{slug}")).body
    listed = (await world.admin.ask("GET", f"{path}?per_page=100")).body["items"]
    (same,) = [plan for plan in listed if plan["slug"] == slug]
    return one["subscriber_count"], same["subscriber_count"]


async def test_what_a_plan_gives_is_read_at_once_and_gone_when_it_ends(world: Any) -> None:
    ada, id = await subscribed(world, "giving", limits={"cards.max": 10, "seats": 2})

    had = await ada.ask("GET", ENTITLEMENTS)
    counted = [await subscribers(world, "giving")]
    ended = await ada.ask("POST", f"/api/v1/user/subscriptions/{id}/cancel", {"at": "now"})
    left = await ada.ask("GET", ENTITLEMENTS)
    counted.append(await subscribers(world, "giving"))

    assert counted == [(1, 1), (0, 0)]
    assert had.body == {
        "features": ["statistics"],
        "limits": {"cards.max": 10, "seats": 2},
        "plans": ["giving"],
    }
    assert ended.status == 200, ended.body
    assert left.body == NOTHING


async def test_who_has_nothing_may_do_nothing_beside_what_everybody_may(world: Any) -> None:
    assert (await world.caller().ask("GET", ENTITLEMENTS)).body == NOTHING
    assert (await world.ask("GET", ENTITLEMENTS)).status == 401


async def test_a_plan_that_changes_changes_nothing_for_whoever_has_it(world: Any) -> None:
    ada, _ = await subscribed(world, "kept-promise")
    plan = await world.admin.ask("GET", "/api/v1/admin/tarif-plans/kept-promise")

    path = f"/api/v1/admin/tarif-plans/{plan.body['id']}"
    await world.admin.ask("PATCH", path, {"limits": {"cards.max": 1}})
    await world.admin.ask("DELETE", path)

    assert (await ada.ask("GET", ENTITLEMENTS)).body["limits"] == {"cards.max": 10}


async def test_whoever_leaves_takes_their_subscriptions_with_them(world: Any) -> None:
    ada, _ = await subscribed(world, "left-behind")
    held = await held_about(world.kernel, ada.account)
    assert [row["terms"]["slug"] for row in held["subscriptions"]] == ["left-behind"]
    assert held["customer"]["contact"]["email"].endswith("@example.org")

    await world.hear("auth.account_erased.v1", ada.account, version=2)

    assert (await ada.ask("GET", ENTITLEMENTS)).body == NOTHING
    held = await held_about(world.kernel, ada.account)
    assert [row["end_reason"] for row in held["subscriptions"]] == ["erased"]
    assert held["customer"]["contact"]["email"] is None
    assert UUID(str(held["customer"]["account_id"])) == ada.account
