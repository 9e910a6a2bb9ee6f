"""Whoever settles a payment a moment too late finds it settled, and does nothing twice."""

import asyncio
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.payment_provider import ProviderRefused, RefundState
from billing.payments.decider import Succeeded
from billing.refunding import settle_refund
from billing.settling import settle
from common.money import Money

pytestmark = pytest.mark.integration


async def test_a_payment_that_many_settle_at_this_moment_is_settled_once(world: Any) -> None:
    person = await world.customer()
    ordered = (await person.orders(await world.plan(1200))).body
    payment_id = uuid5(UUID(ordered["invoice"]["id"]), "attempt/1")
    outcome = world.provider.fill_in(ordered["checkout_url"], "ok").outcome
    now = await world.later(seconds=1)
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})

    settled = await asyncio.gather(*(settle(desk, payment_id, outcome, now) for _ in range(6)))

    assert {type(payment) for payment in settled} == {Succeeded}
    assert [i["status"] for i in await person.invoices()] == ["paid"]
    await person.is_in("active", ordered["subscription"]["id"])


async def test_a_refund_that_is_told_while_it_is_settled_takes_one_number(world: Any) -> None:
    person = await world.customer()
    await person.has(await world.plan(1200))
    (invoice,) = await person.invoices()
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    refund_id, now = uuid4(), await world.later(seconds=1)
    said = RefundState("re_1", "pi_1", Money(200, "EUR"), "succeeded")

    await asyncio.gather(
        *(settle_refund(desk, UUID(invoice["id"]), refund_id, said, now) for _ in range(6))
    )

    path = f"/api/v1/admin/invoices/{invoice['id']}"
    (note,) = (await world.admin.ask("GET", path)).body["credit_notes"]
    async with world.kernel.database.reader() as reader:
        last = await reader.connection.fetchval(_LAST, note["number"].rpartition("-")[0])
    assert int(note["number"].rpartition("-")[2]) == last, "none was taken and not used"


async def test_a_downgrade_keeps_its_category_where_an_upgrade_beside_it_came_to_nothing(
    world: Any,
) -> None:
    cheaper, other, dearer = await world.plan(500), await world.plan(0), await world.plan(4900)
    await world.category(cheaper, other)
    person = await world.customer()
    id = await person.has(await world.plan(1200), card="declined")
    path = f"/api/v1/user/subscriptions/{id}"
    await person.ask("POST", f"{path}/downgrade", {"plan_id": cheaper})

    declined = await person.ask("POST", f"{path}/upgrade", {"plan_id": dearer})
    taken = await person.orders(other)

    assert (declined.status, declined.body["code"]) == (409, "payment_declined")
    assert (taken.status, taken.body["code"]) == (409, "category_taken")
    assert (await person.subscription(id))["pending_change"]["plan"]["id"] == cheaper
    await person.saves()
    await world.later(days=32)
    changed = await person.is_in("active", id)
    assert changed["plan"]["id"] == cheaper


async def test_an_upgrade_that_is_not_paid_within_its_period_is_void_and_holds_nothing(
    world: Any,
) -> None:
    dearer, other = await world.plan(4900), await world.plan(0)
    await world.category(dearer, other)
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    await world.later(days=27)
    await person.saves("authenticate")
    path = f"/api/v1/user/subscriptions/{id}"
    waits = (await person.ask("POST", f"{path}/upgrade", {"plan_id": dearer})).body
    await person.saves()

    await world.later(days=5)

    assert waits["status"] == "open"
    invoices = {one["id"]: one["status"] for one in await person.invoices()}
    assert invoices[waits["invoice"]["id"]] == "void"
    assert (await person.is_in("active", id))["pending_change"] is None
    assert (await person.orders(other)).status == 201


async def test_a_plan_that_is_retired_after_its_preview_is_not_sold(world: Any) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    path = f"/api/v1/user/subscriptions/{id}"
    seen = await person.ask("GET", f"{path}/change-preview?plan_id={dearer}")
    await world.admin.ask("POST", f"/api/v1/admin/tarif-plans/{dearer}/archive")

    token = {"preview_token": seen.body["preview_token"]}
    refused = await person.ask("POST", f"{path}/upgrade", token)

    assert (refused.status, refused.body["code"]) == (409, "plan_retired")
    assert await person.charged() == 1200


async def test_a_page_that_the_provider_refuses_withdraws_its_order_and_stops_nobody(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, dearer = await world.customer(), await world.plan(1230)
    id = await person.has(await world.plan(1200))
    listed = (await person.ask("GET", "/api/v1/user/payment-methods")).body["items"]
    for one in listed:
        await person.ask("DELETE", f"/api/v1/user/payment-methods/{one['id']}")

    async def refuses(*_: Any, **__: Any) -> Any:
        raise ProviderRefused("amount_too_small", "fifty cents at least")

    monkeypatch.setattr(world.provider, "checkout_page", refuses)
    path = f"/api/v1/user/subscriptions/{id}"
    refused = await person.ask("POST", f"{path}/upgrade", {"plan_id": dearer})
    await world.later(seconds=400)

    assert (refused.status, refused.body["code"]) == (409, "amount_not_payable")
    assert (await person.subscription(id))["pending_change"] is None
    assert (await person.invoices())[0]["status"] == "void"


_LAST = "select last from document_series where series = $1"
