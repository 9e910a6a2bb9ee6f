"""Buying a plan: on a page, with a bank that asks, for nothing, by transfer; and giving it back."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.end_to_end.billing.shop import ANY_INVOICE, INVOICES
from tests.end_to_end.billing.twin import GOOD, SECURE, STOLEN

pytestmark = pytest.mark.integration


async def test_a_plan_is_bought_on_a_page_and_receipted_by_mail(shop: Any) -> None:
    ann, plan = await shop.customer("ann.buys"), await shop.plan(1999)
    ordered = (await ann.orders(plan)).body
    url, invoice = ordered["checkout_url"], ordered["invoice"]
    assert (ordered["subscription"]["status"], invoice["status"]) == ("pending", "open")
    assert "19.99 EUR" in (await shop.twin.shown(url))[1]

    declined = await shop.twin.pay(url, STOLEN)
    led_to = await shop.twin.pay(url, GOOD)

    assert declined == url, "a card that is declined leaves the page open"
    assert led_to.startswith(shop.system.url), "who has paid is led back to us"
    active = await ann.sees(ordered["subscription"]["id"], "active")
    assert active["current_period_end"] > active["current_period_start"]
    paid = await ann.does("GET", f"{INVOICES}/{invoice['id']}")
    assert (paid["status"], paid["total"]["amount"]) == ("paid", 1999)
    assert [charge["amount"] for charge in await shop.twin.charges(ann.id)] == [1999]
    (receipt,) = await ann.reads("Receipt")
    assert paid["number"] in receipt["Subject"]


async def test_a_card_with_3d_secure_pays_once_its_bank_agrees(shop: Any) -> None:
    ann = await shop.customer("ann.is.asked")
    ordered = (await ann.orders(await shop.plan(2500))).body
    id, url = ordered["subscription"]["id"], ordered["checkout_url"]

    question = await shop.twin.pay(url, SECURE)
    back = await shop.twin.press(question, answer="no")
    assert "/3ds/" in question
    assert back == url, "the page stays open for another try"
    assert (await ann.subscription(id))["status"] == "pending"
    again = await shop.twin.pay(url, SECURE)
    await shop.twin.press(again, answer="yes")

    await ann.sees(id, "active")
    assert [charge["amount"] for charge in await shop.twin.charges(ann.id)] == [2500]


async def test_a_page_is_open_as_long_as_its_order_waits(shop: Any) -> None:
    await shop.later(days=2)
    ann, bob = await shop.customer("ann.hesitates"), await shop.customer("bob.forgets")
    plan = await shop.plan(1200)
    anns, bobs = (await ann.orders(plan)).body, (await bob.orders(plan)).body

    await shop.later(seconds=21 * 3600)
    await shop.twin.pay(anns["checkout_url"])
    await ann.sees(anns["subscription"]["id"], "active")
    await shop.later(seconds=3 * 3600)

    ended = await bob.sees(bobs["subscription"]["id"], "ended")
    assert ended["end_reason"] == "expired"
    assert [i["status"] for i in await bob.invoices()] == ["void"]
    assert (await shop.twin.shown(bobs["checkout_url"]))[0] == 410


async def test_a_free_plan_is_active_at_once_and_opens_doors_in_cards(shop: Any) -> None:
    ann = await shop.customer("ann.pays.nothing")

    ordered = (await ann.orders(await shop.plan(0, limits={"cards.max": 3}))).body

    assert (ordered["status"], ordered["invoice"]) == ("paid", None)
    assert ordered["subscription"]["status"] == "active"
    assert (await ann.limits(), await ann.invoices()) == ({"cards.max": 3}, [])
    await ann.may_have(3)


async def test_of_an_exclusive_category_one_plan_is_sold_also_in_parallel(shop: Any) -> None:
    plans = [await shop.plan(0), await shop.plan(0)]
    await shop.category(*plans)
    ann = await shop.customer("ann.wants.both")

    answers = await asyncio.gather(*(ann.orders(plan) for plan in plans * 3))

    assert sorted(a.status for a in answers) == [201, *[409] * 5]
    assert {a.body["code"] for a in answers if a.status == 409} == {"category_taken"}
    assert (await ann.orders(plans[0])).body["code"] == "category_taken"


async def test_an_open_invoice_that_is_paid_twice_at_once_is_charged_once(shop: Any) -> None:
    ann = await shop.customer("ann.pays.twice")
    ordered = (await ann.orders(await shop.plan(700))).body
    pay = f"{INVOICES}/{ordered['invoice']['id']}/pay"

    answers = await asyncio.gather(*(ann.ask("POST", pay) for _ in range(3)))
    pages = {ordered["checkout_url"], *(a.body.get("checkout_url") for a in answers)} - {None}
    await asyncio.gather(*(shop.twin.pay(url) for url in pages))

    assert {a.status for a in answers} <= {200, 409}
    await ann.sees(ordered["subscription"]["id"], "active")
    assert [charge["amount"] for charge in await shop.twin.charges(ann.id)] == [700]
    refused = await ann.ask("POST", pay)
    assert (refused.status, refused.body["code"]) == (409, "already_paid")


async def test_a_transfer_is_marked_paid_once_by_an_administrator(shop: Any) -> None:
    ann = await shop.customer("ann.transfers")
    await ann.is_known()  # else there is no address yet to write to
    ordered = (await ann.orders(await shop.plan(1200), payment_method="invoice")).body
    assert ordered["checkout_url"] is None
    mark = f"{ANY_INVOICE}/{ordered['invoice']['id']}/mark-paid"

    refused = await ann.ask("POST", mark)
    answers = await asyncio.gather(*(shop.root.ask("POST", mark) for _ in range(3)))

    assert refused.status == 403
    assert sorted(a.status for a in answers) == [200, 409, 409], answers
    await ann.sees(ordered["subscription"]["id"], "active")
    await ann.reads("Your payment has arrived")


async def test_a_refund_makes_a_credit_note_and_a_full_one_ends_what_was_bought(shop: Any) -> None:
    ann = await shop.customer("ann.returns")
    id = await ann.buys(await shop.plan(1200))
    invoice, key = (await ann.invoices())[0]["id"], uuid4().hex
    refund = f"{ANY_INVOICE}/{invoice}/refund"

    some = await shop.root.ask("POST", refund, {"amount": 200}, key=key)
    same = await shop.root.ask("POST", refund, {"amount": 200}, key=key)
    too_much = await shop.root.ask("POST", refund, {"amount": 1001})
    kept = await ann.subscription(id)
    rest = await shop.root.ask("POST", refund, {})

    assert (some.body, some.status) == (same.body, 200)
    assert (too_much.status, too_much.body["code"]) == (422, "refund_too_large")
    assert kept["status"] == "active", "some of it ends nothing"
    assert [note["amount"]["amount"] for note in rest.body["credit_notes"]] == [200, 1000]
    assert all(note["number"].startswith("CN-") for note in rest.body["credit_notes"])
    assert (await ann.sees(id, "ended"))["end_reason"] == "refunded"
    assert [c["amount_refunded"] for c in await shop.twin.charges(ann.id)] == [1200]
