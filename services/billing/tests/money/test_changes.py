"""Other plans, pauses, cancellations and money that goes back."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

pytestmark = pytest.mark.integration

MINE = "/api/v1/user/subscriptions"


async def test_an_upgrade_costs_exactly_what_its_preview_said(world: Any) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    await world.later(days=11)

    preview = (await person.ask("GET", f"{MINE}/{id}/change-preview?plan_id={dearer}")).body
    await world.later(seconds=300)
    body = {"preview_token": preview["preview_token"]}
    bought = await person.ask("POST", f"{MINE}/{id}/upgrade", body)

    assert preview["change"] == "upgrade"
    assert 0 < preview["credit"]["amount"] < 1200
    assert bought.status == 200, bought.body
    assert (bought.body["status"], bought.body["subscription"]["plan"]["id"]) == ("applied", dearer)
    assert bought.body["invoice"]["total"] == preview["total"]
    assert await person.charged() == 1200 + preview["total"]["amount"]
    lines = bought.body["invoice"]["lines"]
    assert sum(one["total"]["amount"] for one in lines) == preview["total"]["amount"]


async def test_a_preview_token_is_good_once_and_not_for_long(world: Any) -> None:
    person, dearer, dearest = await world.customer(), await world.plan(4900), await world.plan(9900)
    id = await person.has(await world.plan(1200))
    path = f"{MINE}/{id}"

    async def quoted(plan: str) -> str:
        seen = await person.ask("GET", f"{path}/change-preview?plan_id={plan}")
        token: str = seen.body["preview_token"]
        return token

    late, first, other = await quoted(dearer), await quoted(dearer), await quoted(dearest)
    used = {"preview_token": first}
    answers = [await person.ask("POST", f"{path}/upgrade", used) for _ in range(2)]
    answers.append(await person.ask("POST", f"{path}/upgrade", {"preview_token": other}))
    await world.later(seconds=16 * 60)
    answers.append(await person.ask("POST", f"{path}/upgrade", {"preview_token": late}))
    answers.append(await person.ask("POST", f"{path}/upgrade", {"preview_token": first + "x"}))

    assert [(a.status, a.body.get("code")) for a in answers] == [
        (200, None),
        (409, "preview_token_used"),
        (409, "preview_outdated"),
        (409, "preview_token_expired"),
        (422, "preview_token_invalid"),
    ]


async def test_a_preview_whose_tax_has_changed_since_is_outdated(world: Any) -> None:
    taxed = [{"price": {"amount": 4900, "currency": "EUR"}, "tax": "exclusive"}]
    person, dearer = await world.customer(), await world.plan(prices=taxed)
    id = await person.has(await world.plan(1200))
    seen = await person.ask("GET", f"{MINE}/{id}/change-preview?plan_id={dearer}")

    address = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
    moved = {"company": None, "billing_address": address, "vat_number": None}
    await world.hear("auth.profile_changed.v1", person.account, moved, stream="profile")
    body = {"preview_token": seen.body["preview_token"]}
    answer = await person.ask("POST", f"{MINE}/{id}/upgrade", body)

    assert (answer.status, answer.body["code"]) == (409, "preview_outdated")


async def test_an_upgrade_that_is_declined_changes_nothing(world: Any) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    plan = await world.plan(1200)
    id = await person.has(plan, card="declined")

    refused = await person.ask("POST", f"{MINE}/{id}/upgrade", {"plan_id": dearer})

    assert (refused.status, refused.body["code"]) == (409, "payment_declined")
    same = await person.subscription(id)
    assert (same["plan"]["id"], same["pending_change"]) == (plan, None)
    assert (await person.invoices())[0]["status"] == "void"


async def test_an_upgrade_into_a_taken_category_is_refused(world: Any) -> None:
    held, dearer = await world.plan(0), await world.plan(4900)
    await world.category(held, dearer)
    person = await world.customer()
    await person.orders(held)
    id = await person.has(await world.plan(1200))

    refused = await person.ask("POST", f"{MINE}/{id}/upgrade", {"plan_id": dearer})

    assert (refused.status, refused.body["code"]) == (409, "category_taken")


async def test_a_downgrade_waits_for_the_period_to_end(world: Any) -> None:
    person, cheaper = await world.customer(), await world.plan(500)
    id = await person.has(await world.plan(1200))
    path = f"{MINE}/{id}"
    wrong = await person.ask("POST", f"{path}/upgrade", {"plan_id": cheaper})
    await person.ask("POST", f"{path}/downgrade", {"plan_id": cheaper})
    withdrawn = await person.ask("DELETE", f"{path}/pending-change")
    planned = await person.ask("POST", f"{path}/downgrade", {"plan_id": cheaper})

    await world.later(days=32)

    assert wrong.body["code"] == "not_an_upgrade"
    assert withdrawn.body["pending_change"] is None
    assert planned.body["pending_change"]["plan"]["id"] == cheaper
    changed = await person.subscription(id)
    assert (changed["plan"]["id"], changed["pending_change"]) == (cheaper, None)
    assert (await person.invoices())[0]["total"]["amount"] == 500


async def test_a_pause_stops_periods_and_a_resumption_begins_one_that_is_paid(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    path = f"{MINE}/{id}"
    await person.ask("POST", f"{path}/pause")
    assert (await person.subscription(id))["pause_at_period_end"]

    await world.later(days=70)
    assert (await person.subscription(id))["status"] == "paused"
    assert len(await person.invoices()) == 1
    resumed = await person.ask("POST", f"{path}/resume")

    assert resumed.status == 200, resumed.body
    assert (resumed.body["status"], resumed.body["subscription"]["status"]) == ("applied", "active")
    assert len(await person.invoices(status="paid")) == 2


async def test_a_cancellation_keeps_what_is_paid_for_and_can_be_withdrawn(world: Any) -> None:
    person = await world.customer()
    stays, goes = await person.has(await world.plan()), await person.has(await world.plan())
    for id in (stays, goes):
        cancelled = await person.ask("POST", f"{MINE}/{id}/cancel")
        assert (cancelled.body["status"], cancelled.body["cancel_at_period_end"]) == (
            "active",
            True,
        )
    await person.ask("POST", f"{MINE}/{stays}/reactivate")

    await world.later(days=32)

    assert (await person.subscription(stays))["status"] == "active"
    ended = await person.subscription(goes)
    assert (ended["status"], ended["end_reason"]) == ("ended", "cancelled")
    again = await person.ask("POST", f"{MINE}/{goes}/reactivate")
    assert (again.status, again.body["code"]) == (409, "subscription_ended")


async def test_a_cancellation_now_ends_it_and_voids_what_is_due(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(), card="declined")
    await world.later(days=32)

    ended = await person.ask("POST", f"{MINE}/{id}/cancel", {"at": "now"})

    assert (ended.body["status"], ended.body["end_reason"]) == ("ended", "cancelled")
    assert [i["status"] for i in await person.invoices()] == ["void", "paid"]


async def test_a_refund_makes_a_credit_note_and_ends_only_what_is_given_back_whole(
    world: Any,
) -> None:
    person, admin = await world.customer(), world.admin
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    path, key = f"/api/v1/admin/invoices/{invoice}/refund", uuid4().hex

    some = await admin.ask("POST", path, {"amount": 200}, Idempotency_Key=key)
    same = await admin.ask("POST", path, {"amount": 200}, Idempotency_Key=key)
    too_much = await admin.ask("POST", path, {"amount": 1001}, Idempotency_Key=uuid4().hex)
    kept = (await person.subscription(id))["status"]
    rest = await admin.ask("POST", path, {}, Idempotency_Key=uuid4().hex)

    assert some.body["refunded"]["amount"] == same.body["refunded"]["amount"] == 200
    assert (too_much.status, too_much.body["code"]) == (422, "refund_too_large")
    assert (kept, rest.body["refunded"]["amount"]) == ("active", 1200)
    numbers = [note["number"] for note in rest.body["credit_notes"]]
    assert [number[:3] for number in numbers] == ["CN-", "CN-"]
    ended = await person.subscription(id)
    assert (ended["status"], ended["end_reason"]) == ("ended", "refunded")


async def test_parallel_refunds_never_give_back_more_than_was_paid(world: Any) -> None:
    person, admin = await world.customer(), world.admin
    await person.has(await world.plan(1000))
    invoice = (await person.invoices())[0]["id"]
    path = f"/api/v1/admin/invoices/{invoice}/refund"

    answers = await asyncio.gather(
        *(admin.ask("POST", path, {"amount": 400}, Idempotency_Key=uuid4().hex) for _ in range(5))
    )

    assert {a.status for a in answers} <= {200, 409, 422}
    shown = (await admin.ask("GET", f"/api/v1/admin/invoices/{invoice}")).body
    assert shown["refunded"]["amount"] in (400, 800)


async def test_numbers_have_no_gap_and_no_double_under_parallel_orders(world: Any) -> None:
    plan, people = await world.plan(100), [await world.customer() for _ in range(12)]

    await asyncio.gather(*(person.orders(plan) for person in people))

    async with world.kernel.database.reader() as reader:
        rows = await reader.connection.fetch("select number from invoices where number is not null")
    series: dict[str, list[int]] = {}
    for row in rows:
        name, _, number = row["number"].rpartition("-")
        series.setdefault(name, []).append(int(number))
    assert all(sorted(n) == list(range(1, len(n) + 1)) for n in series.values())


async def test_a_void_invoice_ends_what_it_was_for(world: Any) -> None:
    person, admin = await world.customer(), world.admin
    ordered = await person.orders(await world.plan())
    path = f"/api/v1/admin/invoices/{ordered.body['invoice']['id']}"

    voided = await admin.ask("POST", f"{path}/void", {"reason": "ordered by mistake"})
    paid = await admin.ask("POST", f"{path}/mark-paid")

    assert voided.body["status"] == "void"
    assert (paid.status, paid.body["code"]) == (409, "invoice_not_open")
    ended = await person.subscription(ordered.body["subscription"]["id"])
    assert (ended["status"], ended["end_reason"]) == ("ended", "voided")


async def test_seed_003s_clients_see_whether_they_are_subscribed(world: Any) -> None:
    person, path = await world.customer(), "/api/v1/subscription/status"
    before = (await person.ask("GET", path)).body
    await person.has(await world.plan(1200))

    after = (await person.ask("GET", path)).body

    assert (before["isSubscribed"], before["subscriptionData"]) == (False, None)
    assert (after["isSubscribed"], after["subscriptionData"]["amount"]) == (True, 1200)
    assert datetime.fromisoformat(after["subscriptionData"]["currentPeriodEnd"])
