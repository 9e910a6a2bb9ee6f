"""Buying a plan: free, paid on a page, by transfer, with a trial; once, whoever asks how often."""

import asyncio
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.payment_provider import Declined
from billing.provider_news import Heard, PaymentNews
from billing.provider_reactions import reacting
from common.event_store import Cause

pytestmark = pytest.mark.integration


async def test_a_free_plan_is_active_at_once(world: Any) -> None:
    person = await world.customer()

    ordered = await person.orders(await world.plan(0))

    assert (ordered.status, ordered.body["status"]) == (201, "paid")
    assert ordered.body["subscription"]["status"] == "active"
    assert (ordered.body["invoice"], ordered.body["checkout_url"]) == (None, None)


async def test_a_plan_begins_when_its_page_is_paid(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    assert ordered.status == 201, ordered.body
    id, invoice = ordered.body["subscription"]["id"], ordered.body["invoice"]
    assert (ordered.body["subscription"]["status"], invoice["status"]) == ("pending", "open")

    await person.pays(ordered.body["checkout_url"])

    active = await person.is_in("active", id)
    paid = (await person.ask("GET", f"/api/v1/user/invoices/{invoice['id']}")).body
    assert paid["status"] == "paid"
    assert paid["total"] == {"amount": 1200, "currency": "EUR"}
    assert paid["customer"]["name"] == "Ada Lovelace"
    assert active["current_period_end"] > active["current_period_start"]


async def test_an_order_that_is_repeated_is_one_order(world: Any) -> None:
    person, plan, key = await world.customer(), await world.plan(), uuid4().hex

    first = await person.orders(plan, key)
    again = await person.orders(plan, key)
    other = await person.orders(await world.plan(), key)

    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert len(await person.invoices()) == 1


async def test_what_cannot_be_ordered_is_said_clearly(world: Any) -> None:
    person, plan = await world.customer(), await world.plan()
    path = "/api/v1/user/checkout"

    answers = [
        await person.ask("POST", path, {"plan_id": plan}),
        await person.orders(str(uuid4())),
        await person.orders(plan, currency="USD"),
        await person.orders(plan, payment_method="barter"),
        await person.orders(plan, surprise=1),
        await person.orders(plan, addon_ids=[str(uuid4())]),
        await person.ask("POST", path, {}, Idempotency_Key=uuid4().hex),
    ]

    assert [(a.status, a.body["code"]) for a in answers] == [
        (400, "idempotency_key_required"),
        (404, "plan_unknown"),
        (422, "currency_not_offered"),
        (422, "payment_method_unknown"),
        (422, "invalid"),
        (422, "not_sold_yet"),
        (422, "nothing_chosen"),
    ]


async def test_two_plans_of_one_exclusive_category_are_refused_also_in_parallel(world: Any) -> None:
    plans = [await world.plan(0), await world.plan(0)]
    await world.category(*plans)
    person = await world.customer()

    answers = await asyncio.gather(*(person.orders(plan) for plan in plans * 3))

    assert sorted(a.status for a in answers) == [201, *[409] * 5]
    assert {a.body["code"] for a in answers if a.status == 409} == {"category_taken"}
    assert (await person.orders(plans[0])).body["code"] == "category_taken"


async def test_an_order_that_was_left_makes_way_for_another_of_its_kind(world: Any) -> None:
    plans = [await world.plan(), await world.plan()]
    await world.category(*plans)
    person = await world.customer()
    left = await person.orders(plans[0])

    taken = await person.orders(plans[1])

    assert taken.status == 201
    gone = await person.subscription(left.body["subscription"]["id"])
    assert (gone["status"], gone["end_reason"]) == ("ended", "replaced")
    assert world.provider.fill_in(left.body["checkout_url"]).status == "expired"
    assert [i["status"] for i in await person.invoices()] == ["open", "void"]


async def test_an_order_that_nobody_pays_is_forgotten_after_23_hours(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan())

    await world.later(seconds=23 * 3600 + 120)

    gone = await person.subscription(ordered.body["subscription"]["id"])
    assert (gone["status"], gone["end_reason"]) == ("ended", "expired")
    assert [i["status"] for i in await person.invoices()] == ["void"]


async def test_a_transfer_is_marked_paid_by_an_administrator_once(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(), payment_method="invoice")
    id, path = ordered.body["subscription"]["id"], ordered.body["invoice"]["id"]
    assert ordered.body["checkout_url"] is None

    path = f"/api/v1/admin/invoices/{path}/mark-paid"
    answers = await asyncio.gather(*(world.admin.ask("POST", path) for _ in range(3)))

    assert sorted(a.status for a in answers) == [200, 409, 409], answers
    assert (await person.subscription(id))["status"] == "active"


async def test_an_open_invoice_that_is_paid_twice_at_once_is_charged_once(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(700))
    pay = f"/api/v1/user/invoices/{ordered.body['invoice']['id']}/pay"

    answers = await asyncio.gather(*(person.ask("POST", pay) for _ in range(3)))
    urls = [ordered.body["checkout_url"], *(a.body.get("checkout_url") for a in answers)]
    for url in filter(None, urls):
        await person.pays(url)

    assert {a.status for a in answers} <= {200, 409}
    assert await person.charged() == 700
    assert (await person.ask("POST", pay)).body["code"] == "already_paid"


async def test_answers_name_each_thing_that_a_cache_must_drop_them_for(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan())
    id, invoice = ordered.body["subscription"]["id"], ordered.body["invoice"]["id"]

    mine = await person.ask("GET", f"/api/v1/user/subscriptions/{id}")
    owed = await person.ask("GET", f"/api/v1/user/invoices/{invoice}")

    assert ordered.headers["cache-tags"] == f"subscription/{id}, user/{person.account}"
    assert mine.headers["cache-tags"] == f"subscription/{id}, user/{person.account}"
    assert owed.headers["cache-tags"] == f"invoice/{invoice}, user/{person.account}"


async def test_anothers_things_are_not_there(world: Any) -> None:
    owner, stranger = await world.customer(), await world.customer()
    ordered = await owner.orders(await world.plan())
    invoice, id = ordered.body["invoice"]["id"], ordered.body["subscription"]["id"]

    for method, path in (
        ("GET", f"/api/v1/user/invoices/{invoice}"),
        ("POST", f"/api/v1/user/invoices/{invoice}/pay"),
        ("GET", f"/api/v1/user/subscriptions/{id}"),
        *(("POST", f"/api/v1/user/subscriptions/{id}/{w}") for w in ("cancel", "pause", "resume")),
        ("GET", "/api/v1/user/invoices/not-an-id"),
    ):
        assert (await stranger.ask(method, path)).status == 404, path
    for path in ("subscriptions", "invoices", f"invoices/{invoice}"):
        assert (await stranger.ask("GET", f"/api/v1/admin/{path}")).status == 403


async def test_a_card_that_is_declined_on_a_page_is_not_the_pages_end(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan())
    id, url = ordered.body["subscription"]["id"], ordered.body["checkout_url"]
    payment_id = uuid5(UUID(ordered.body["invoice"]["id"]), "attempt/1")
    now = await world.later(seconds=1)
    news = PaymentNews("pi_1", payment_id, Declined("pi_1", "insufficient_funds", False))
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})

    async with world.kernel.database.transaction() as transaction:
        await reacting(desk)(transaction, news, Heard("stripe", Cause(uuid4(), now), now))
    await person.pays(url)

    await person.is_in("active", id)
