"""What administrators give and look up: days, periods, money, copies; and who pays for none."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

pytestmark = pytest.mark.integration

ANY, INVOICES = "/api/v1/admin/subscriptions", "/api/v1/admin/invoices"


async def gives(admin: Any, id: str, what: str, body: Any = None, key: str | None = None) -> Any:
    key = key or uuid4().hex
    return await admin.ask("POST", f"{ANY}/{id}/{what}", body or {}, Idempotency_Key=key)


async def test_an_extended_period_ends_later_and_is_renewed_from_there(world: Any) -> None:
    person, admin, key = await world.customer(), world.admin, uuid4().hex
    id = await person.has(await world.plan(1200))
    before = datetime.fromisoformat((await person.subscription(id))["current_period_end"])

    answers = [await gives(admin, id, "extend", {"days": 10}, key) for _ in range(2)]
    await world.later(days=35)

    ends = {datetime.fromisoformat(a.body["current_period_end"]) for a in answers}
    assert ends == {before + timedelta(days=10)}
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(await person.invoices()) == 1
    await world.later(days=10)
    renewed = await person.is_in("active", id)
    assert datetime.fromisoformat(renewed["current_period_start"]) == before + timedelta(days=10)
    assert [i["total"]["amount"] for i in await person.invoices()] == [1200, 1200]


async def test_an_extended_trial_is_charged_later(world: Any) -> None:
    person = await world.customer()
    await person.saves()
    ordered = await person.orders(await world.plan(1200, trial_days=7))
    id = ordered.body["subscription"]["id"]
    await person.is_in("trialing", id)

    extended = await gives(world.admin, id, "extend", {"days": 7})
    await world.later(days=8)

    assert extended.status == 200, extended.body
    assert (await person.subscription(id))["status"] == "trialing"
    await world.later(days=7)
    await person.is_in("active", id)
    assert await person.charged() == 1200


async def test_absurd_extensions_are_refused(world: Any) -> None:
    person, admin = await world.customer(), world.admin
    id = (await person.orders(await world.plan(1200))).body["subscription"]["id"]

    answers = [await gives(admin, id, "extend", {"days": d}) for d in (0, -5, 367, "7", 1.5)]
    answers.append(await gives(admin, id, "extend"))
    answers.append(await gives(admin, str(uuid4()), "extend"))
    answers.append(await gives(person, id, "extend"))

    assert [(a.status, a.body["code"]) for a in answers] == [
        *[(422, "invalid")] * 5,
        (409, "subscription_not_active"),
        (404, "not_found"),
        (403, "forbidden"),
    ]


async def test_an_order_is_granted_without_its_payment_and_its_invoice_is_void(
    world: Any,
) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id, page = ordered.body["subscription"]["id"], ordered.body["checkout_url"]

    granted = await gives(world.admin, id, "activate")
    again = await gives(world.admin, id, "activate")

    assert (granted.status, granted.body["status"]) == (200, "active"), granted.body
    assert again.body["current_period_end"] == granted.body["current_period_end"]
    assert [i["status"] for i in await person.invoices()] == ["void"]
    assert world.provider.fill_in(page).status == "expired"
    assert await person.charged() == 0


async def test_what_is_owed_is_granted_and_not_owed_any_more(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200), card="declined")
    await world.later(days=32)
    assert (await person.subscription(id))["status"] == "past_due"

    granted = await gives(world.admin, id, "activate")
    await world.later(days=10)

    assert granted.body["status"] == "active", granted.body
    assert (await person.subscription(id))["status"] == "active"
    assert [i["status"] for i in await person.invoices()] == ["void", "paid"]


async def test_what_has_ended_is_not_revived(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    await person.ask("POST", f"/api/v1/user/subscriptions/{id}/cancel", {"at": "now"})

    refused = await gives(world.admin, id, "activate")

    assert (refused.status, refused.body["code"]) == (409, "subscription_ended")


async def test_what_was_paid_last_goes_back_once_however_often_it_is_asked(world: Any) -> None:
    person, admin, key = await world.customer(), world.admin, uuid4().hex
    id = await person.has(await world.plan(1200))
    await world.later(days=32)
    newest, oldest = [i["id"] for i in await person.invoices()]

    answers = [await gives(admin, id, "refund", {"amount": 300}, key) for _ in range(2)]
    whole = await gives(admin, id, "refund")
    nothing = [await gives(admin, id, "refund") for _ in range(2)]

    assert [a.status for a in answers] == [200, 200]
    assert (whole.body["status"], whole.body["end_reason"]) == ("ended", "refunded")
    assert nothing[0].status == 200  # the period before, which was had
    assert (nothing[1].status, nothing[1].body["code"]) == (409, "nothing_to_refund")
    shown = [(await admin.ask("GET", f"{INVOICES}/{one}")).body for one in (newest, oldest)]
    assert [[n["amount"]["amount"] for n in one["credit_notes"]] for one in shown] == [
        [300, 900],
        [1200],
    ]


async def test_a_copy_of_an_invoice_says_the_same_and_sets_nothing_going(world: Any) -> None:
    person, admin, key = await world.customer(), world.admin, uuid4().hex
    id = await person.has(await world.plan(1200))
    first, before = (await person.invoices())[0], await person.subscription(id)
    path = f"{INVOICES}/{first['id']}/duplicate"

    answers = await asyncio.gather(
        *(admin.ask("POST", path, Idempotency_Key=key) for _ in range(3))
    )
    copy = answers[0].body
    paid = await admin.ask("POST", f"{INVOICES}/{copy['id']}/mark-paid")

    assert {a.status for a in answers} == {201}, answers
    assert {a.body["id"] for a in answers} == {copy["id"]}
    assert (copy["kind"], copy["status"], copy["total"]) == ("copy", "open", first["total"])
    assert copy["number"] != first["number"]
    assert [line["text"] for line in copy["lines"]] == [line["text"] for line in first["lines"]]
    assert paid.body["status"] == "paid"
    assert len(await person.invoices()) == 2
    assert await person.subscription(id) == before
    refunded = await admin.ask(
        "POST", f"{INVOICES}/{copy['id']}/refund", {}, Idempotency_Key=uuid4().hex
    )
    assert refunded.body["refunded"] == first["total"]
    assert (await person.subscription(id))["status"] == "active"


async def test_a_subscription_is_shown_with_its_owner_and_what_was_tried(world: Any) -> None:
    person = await world.customer()
    name = f"Rare {uuid4().hex[:8]}"
    id = await person.has(await world.plan(1200, name=name), card="declined")
    await world.later(days=32)

    shown = (await world.admin.ask("GET", f"{ANY}/{id}")).body
    found = (await world.admin.ask("GET", f"{ANY}?plan={name[:9].upper()}")).body

    assert shown["user"]["name"] == "Ada Lovelace"
    assert shown["user"]["id"] == shown["user_id"] == str(person.account)
    tried = [(p["status"], p["code"]) for p in shown["payment_history"]]
    assert (tried[0], tried[-1]) == (("declined", "insufficient_funds"), ("succeeded", None))
    assert [one["id"] for one in found["items"]] == [id]
    about = f"/api/v1/admin/users/{person.account}/deletion-info"
    assert (await world.admin.ask("GET", about)).body == {
        "subscription_count": 1,
        "live_subscription_count": 1,
        "invoice_count": 2,
        "open_invoice_count": 1,
        "payment_method_count": 1,
    }


async def test_many_plans_are_copied_at_once_and_none_twice(world: Any) -> None:
    admin, key = world.admin, uuid4().hex
    plans = [await world.plan(1200), await world.plan(0)]
    body = {"plan_ids": [plans[0], str(uuid4()), plans[1], plans[0]]}
    path = "/api/v1/admin/tarif-plans/bulk/copy"

    first = await admin.ask("POST", path, body, Idempotency_Key=key)
    again = await admin.ask("POST", path, body, Idempotency_Key=key)
    other = await admin.ask("POST", path, body)

    assert (first.status, len(first.body["skipped"])) == (201, 1), first.body
    assert again.body == first.body
    slugs = [one["slug"] for answer in (first, other) for one in answer.body["items"]]
    assert [slug.partition("-copy")[2] for slug in slugs] == ["", "", "-2", "-2"]
    assert {one["status"] for one in first.body["items"]} == {"retired"}
    assert (await admin.ask("POST", path, {"plan_ids": []})).status == 422


async def subscribes(world: Any, who: UUID, plan: str, **more: Any) -> Any:
    """An administrator orders a plan for somebody."""
    body = {"user_id": str(who), "plan_id": plan, **more}
    return await world.admin.ask("POST", ANY, body, Idempotency_Key=uuid4().hex)


async def test_what_began_elsewhere_goes_on_with_the_period_that_is_running(world: Any) -> None:
    person, plan = await world.customer(), await world.plan(1200)
    now = await world.later(seconds=1)
    started_at = now - timedelta(days=100)

    made = await subscribes(world, person.account, plan, started_at=started_at.isoformat())
    id = made.body["id"]
    invoice = (await person.invoices())[0]["id"]
    paid = await world.admin.ask("POST", f"{INVOICES}/{invoice}/mark-paid")

    assert (made.status, paid.status) == (201, 200), made.body
    running = await person.is_in("active", id)
    begins_at = datetime.fromisoformat(running["current_period_start"])
    ends_at = datetime.fromisoformat(running["current_period_end"])
    assert begins_at <= now < ends_at
    assert begins_at.time() == started_at.time()
    assert len(await person.invoices()) == 1
    await world.later(days=(ends_at - now).days + 1)
    newest = (await person.invoices())[0]
    assert (newest["kind"], newest["total"]["amount"]) == ("renewal", 1200)


async def test_an_administrator_gives_a_trial_of_another_length_once(world: Any) -> None:
    person, plan = await world.customer(), await world.plan(1200, trial_needs_method=False)
    now = await world.later(seconds=1)

    given = await subscribes(world, person.account, plan, trial_days=40)
    again = await subscribes(world, person.account, plan, trial_days=40)
    none = await subscribes(
        world, (await world.customer()).account, await world.plan(trial_days=9), trial_days=0
    )

    ends_at = datetime.fromisoformat(given.body["trial_ends_at"])
    assert (given.status, given.body["status"]) == (201, "trialing")
    assert timedelta(days=39) < ends_at - now < timedelta(days=41)
    assert (again.status, again.body["code"]) == (409, "trial_used")
    assert (none.status, none.body["status"]) == (201, "pending")


async def test_absurd_beginnings_and_trials_are_refused_by_name(world: Any) -> None:
    person, plan, free = await world.customer(), await world.plan(1200), await world.plan(0)
    now = await world.later(seconds=1)

    def at(**ago: float) -> str:
        return (now - timedelta(**ago)).isoformat()

    odd: tuple[dict[str, Any], ...] = (
        {"started_at": at(days=-1)},
        {"started_at": at(days=4000)},
        {"started_at": "2026-01-01T00:00:00"},
        {"started_at": "yesterday"},
        {"trial_days": -1},
        {"trial_days": 366},
        {"trial_days": "7"},
        {"trial_days": 7},
    )
    answers = [await subscribes(world, person.account, plan, **one) for one in odd]
    answers.append(await subscribes(world, person.account, free, trial_days=7))
    open_ended = await world.plan(1200, trial_needs_method=False)
    over = {"trial_days": 7, "started_at": at(days=8)}
    answers.append(await subscribes(world, person.account, open_ended, **over))

    assert [(a.status, a.body["code"]) for a in answers] == [
        (422, "started_at_in_future"),
        (422, "started_at_too_early"),
        *[(422, "invalid")] * 5,
        (409, "payment_method_required"),
        (422, "trial_not_possible"),
        (422, "trial_over"),
    ]
    assert await person.invoices() == []
