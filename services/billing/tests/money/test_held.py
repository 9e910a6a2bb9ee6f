"""Money that nobody waited for: held, looked at, taken for its invoice or given back."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.holding import ask_once
from billing.measuring import OWED, measure
from billing.payment_provider import RefundState, Succeeded
from billing.provider_news import Heard, RefundNews
from billing.provider_reactions import reacting
from billing.settling import settle_named
from common.event_store import Cause
from common.money import Money

pytestmark = pytest.mark.integration

ANY = "/api/v1/admin/payments"


def desk(world: Any) -> Desk:
    return Desk(world.kernel, world.settings, {"stripe": world.provider})


async def pays(world: Any, ordered: Any, cents: int) -> str:
    """What the provider tells of the page's payment is so much more than is due; its id."""
    state = world.provider.fill_in(ordered.body["checkout_url"])
    captured = state.outcome.captured + Money(cents, "EUR")
    now = await world.later(seconds=1)
    outcome = replace(state.outcome, captured=captured)
    await settle_named(desk(world), "stripe", state.reference, outcome, now)
    return str(uuid5(UUID(ordered.body["invoice"]["id"]), "attempt/1"))


async def decided(world: Any, what: str, id: str, admin: Any = None, key: str | None = None) -> Any:
    path = f"{ANY}/{id}/{what}"
    return await (admin or world.admin).ask("POST", path, {}, Idempotency_Key=key or uuid4().hex)


async def test_too_much_is_held_listed_and_pays_its_invoice_when_it_is_released(
    world: Any,
) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, 50)
    mine = f"{ANY}?user_id={person.account}&status=held"
    waiting = (await world.admin.ask("GET", mine)).body["items"]
    before = (await person.invoices())[0]["status"]

    released = await decided(world, "release", id)
    again = await decided(world, "release", id)

    assert [(one["id"], one["code"]) for one in waiting] == [(id, "wrong_amount")]
    assert waiting[0]["captured"]["amount"] == waiting[0]["held"]["amount"] == 1250
    assert (before, released.status) == ("open", 200), released.body
    assert (released.body["status"], released.body["held"]["amount"]) == ("succeeded", 0)
    assert [(r["amount"]["amount"], r["reason"]) for r in released.body["refunds"]] == [
        (50, "overpaid")
    ]
    assert again.body == released.body
    assert world.provider.given_back(released.body["reference"]) == 50
    assert (await person.invoices())[0]["status"] == "paid"
    await person.is_in("active", ordered.body["subscription"]["id"])
    assert (await world.admin.ask("GET", mine)).body["items"] == []


async def test_too_little_is_not_released_and_is_given_back_once(world: Any) -> None:
    person, admin, key = await world.customer(), world.admin, uuid4().hex
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, -1)

    refused = await decided(world, "release", id)
    answers = [await decided(world, "refund", id, admin, k) for k in (key, key, uuid4().hex)]

    assert (refused.status, refused.body["code"]) == (409, "amount_not_covered")
    assert [(a.status, a.body["status"]) for a in answers] == [(200, "refunded")] * 3
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert world.provider.given_back(answers[0].body["reference"]) == 1199
    late = await decided(world, "release", id)
    assert (late.status, late.body["code"]) == (409, "payment_not_held")
    assert (await person.invoices())[0]["status"] == "open"


async def test_money_for_an_invoice_that_is_not_open_can_only_be_given_back(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    invoice, page = ordered.body["invoice"]["id"], ordered.body["checkout_url"]
    await world.admin.ask("POST", f"/api/v1/admin/invoices/{invoice}/void")
    now, money = await world.later(seconds=1), Succeeded("pi_too_late", Money(1200, "EUR"))
    await settle_named(desk(world), "stripe", page.rpartition("/")[2], money, now)
    rows = await world.admin.ask("GET", f"{ANY}?invoice_id={invoice}")
    [held] = rows.body["items"]

    refused = await decided(world, "release", held["id"])
    back = await decided(world, "refund", held["id"])

    assert (held["status"], held["code"]) == ("held", "invoice_not_open")
    assert (refused.status, refused.body["code"]) == (409, "invoice_not_open")
    assert (back.status, back.body["status"]) == (200, "refunded")


async def test_of_a_release_and_a_refund_at_once_one_happens(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, 1)

    answers = await asyncio.gather(
        *(decided(world, what, id) for what in ("release", "refund", "release", "refund"))
    )

    shown = (await world.admin.ask("GET", f"{ANY}/{id}")).body
    assert {a.status for a in answers} <= {200, 409}
    back = world.provider.given_back(shown["reference"])
    invoice = (await person.invoices())[0]["status"]
    assert (shown["status"], invoice, back) in [
        ("succeeded", "paid", 1),
        ("refunded", "open", 1201),
    ]


async def test_a_refund_whose_answer_got_lost_is_asked_for_again_and_goes_once(
    world: Any,
) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, -100)
    world.provider.silent_refunds = 1

    asked = await decided(world, "refund", id)
    await ask_once(desk(world), await world.later(seconds=60))

    assert [one["status"] for one in asked.body["refunds"]] == ["requested"]
    shown = (await world.admin.ask("GET", f"{ANY}/{id}")).body
    assert [one["status"] for one in shown["refunds"]] == ["done"]
    assert world.provider.given_back(shown["reference"]) == 1100


async def test_held_money_that_was_refunded_at_the_provider_is_noted(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, 5)
    now = await world.later(seconds=1)
    said = RefundState("re_there", "pi_there", Money(1205, "EUR"), "succeeded")

    for _ in range(2):
        async with world.kernel.database.transaction() as transaction:
            heard = Heard("stripe", Cause(uuid4(), now), now)
            await reacting(desk(world))(transaction, RefundNews(said, UUID(id)), heard)

    shown = (await world.admin.ask("GET", f"{ANY}/{id}")).body
    assert (shown["status"], shown["held"]["amount"]) == ("refunded", 0)
    assert [one["reason"] for one in shown["refunds"]] == ["refunded_at_the_provider"]


async def test_only_administrators_decide_and_only_about_what_is_held(world: Any) -> None:
    person = await world.customer()
    await person.has(await world.plan(1200))
    [paid] = (await world.admin.ask("GET", f"{ANY}?user_id={person.account}")).body["items"]

    assert (paid["status"], paid["captured"]["amount"]) == ("succeeded", 1200)
    for method, path in (
        ("GET", ""),
        ("GET", f"/{paid['id']}"),
        ("POST", f"/{paid['id']}/release"),
    ):
        assert (await person.ask(method, ANY + path)).status == 403
    refused = await decided(world, "refund", paid["id"])
    unknown = await decided(world, "release", str(uuid4()))
    keyless = await world.admin.ask("POST", f"{ANY}/{paid['id']}/refund")
    assert (refused.status, refused.body["code"]) == (409, "payment_not_held")
    assert (unknown.status, keyless.body["code"]) == (404, "idempotency_key_required")


async def test_held_money_whose_refund_fails_later_is_held_again_and_transferred(
    world: Any,
) -> None:
    person, admin, key = await world.customer(), world.admin, uuid4().hex
    ordered = await person.orders(await world.plan(1200))
    id = await pays(world, ordered, 5)
    done = await decided(world, "refund", id)
    [known] = [o for o in world.provider.refunds.values() if o.payment == done.body["reference"]]
    news, now = RefundNews(replace(known, status="failed"), UUID(id)), await world.later(seconds=1)
    for _ in range(2):
        async with world.kernel.database.transaction() as transaction:
            heard = Heard("stripe", Cause(uuid4(), now), now)
            await reacting(desk(world))(transaction, news, heard)
    held = (await admin.ask("GET", f"{ANY}/{id}")).body
    await measure(world.kernel.database)
    owed = OWED.labels("held_money")._value.get()

    said, path = {"transfer": "Statement 13, line 1"}, f"{ANY}/{id}/paid-back"
    answers = [await admin.ask("POST", path, said, Idempotency_Key=key) for _ in range(2)]
    late = await admin.ask("POST", path, said, Idempotency_Key=uuid4().hex)

    assert done.body["status"] == "refunded"
    assert (held["status"], held["held"]["amount"]) == ("held", 1205)
    assert owed >= 1
    assert [(a.status, a.body["status"]) for a in answers] == [(200, "refunded")] * 2
    assert [one["reason"] for one in answers[0].body["refunds"]][-1] == "paid_back_by_transfer"
    assert (late.status, late.body["code"]) == (409, "payment_not_held")
