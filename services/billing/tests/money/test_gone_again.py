"""Money that goes back whole, or is taken by a bank, and what that undoes."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.payment_provider import RefundState
from billing.payments.decider import NothingTaken
from billing.provider_news import DisputeNews, Heard, ProviderNews, RefundNews
from billing.provider_reactions import reacting
from billing.refunding import RefundUnderWay
from common.event_store import Cause
from common.money import Money

pytestmark = pytest.mark.integration

MINE, INVOICES = "/api/v1/user/subscriptions", "/api/v1/admin/invoices"


async def told(world: Any, invoice: str, how: str, amount: int, name: str = "dp") -> None:
    """The provider tells of a dispute about the first payment of an invoice, as it is now."""
    payment = uuid5(UUID(invoice), "attempt/1")
    reference = f"{name}_{payment.hex[:8]}"
    await hears(world, DisputeNews(reference, "pi", payment, Money(amount, "EUR"), how))


async def hears(world: Any, news: ProviderNews) -> None:
    """The provider tells how something is now."""
    now = await world.later(seconds=1)
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    async with world.kernel.database.transaction() as transaction:
        heard = Heard("stripe", Cause(uuid4(), now), now)
        await reacting(desk)(transaction, news, heard)


async def refunds(world: Any, invoice: str, amount: int | None = None) -> Any:
    body = {"amount": amount} if amount else {}
    key = uuid4().hex
    return await world.admin.ask("POST", f"{INVOICES}/{invoice}/refund", body, Idempotency_Key=key)


async def upgrades(person: Any, id: str, plan: str) -> str:
    """The invoice's id."""
    done = await person.ask("POST", f"{MINE}/{id}/upgrade", {"plan_id": plan})
    assert (done.status, done.body["status"]) == (200, "applied"), done.body
    invoice: str = done.body["invoice"]["id"]
    return invoice


async def test_a_disputed_payment_marks_its_invoice_and_is_not_refunded_until_decided(
    world: Any,
) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]

    await told(world, invoice, "open", 1200)
    refused = await refunds(world, invoice, 100)
    shown = (await world.admin.ask("GET", f"{INVOICES}/{invoice}")).body
    payments = await world.admin.ask("GET", "/api/v1/admin/payments?dispute=open")
    await told(world, invoice, "won", 1200)

    assert (shown["status"], shown["dispute"]) == ("paid", "open")
    assert invoice in [one["invoice_id"] for one in payments.body["items"]]
    assert (refused.status, refused.body["code"]) == (409, "payment_disputed")
    won = (await world.admin.ask("GET", f"{INVOICES}/{invoice}")).body
    assert (won["dispute"], won["refunded"]["amount"], won["credit_notes"]) == ("won", 0, [])
    assert (await person.subscription(id))["status"] == "active"
    assert (await refunds(world, invoice, 100)).status == 200


async def test_a_lost_dispute_is_a_credit_note_and_the_end_of_what_was_paid_for(
    world: Any,
) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    await refunds(world, invoice, 200)

    for how in ("lost", "open", "lost", "won"):  # late, repeated and in any order
        await told(world, invoice, how, 1200)

    lost = (await world.admin.ask("GET", f"{INVOICES}/{invoice}")).body
    assert (lost["dispute"], lost["refunded"]["amount"]) == ("lost", 1200)
    assert [(n["amount"]["amount"], n["reason"]) for n in lost["credit_notes"]] == [
        (200, "requested_by_customer"),
        (1000, "dispute_lost"),
    ]
    ended = await person.subscription(id)
    assert (ended["status"], ended["end_reason"]) == ("ended", "disputed")


async def test_a_bank_that_takes_a_part_takes_nothing_away(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]

    await told(world, invoice, "lost", 300)

    assert (await person.subscription(id))["status"] == "active"
    assert (await refunds(world, invoice, 901)).body["code"] == "refund_too_large"


async def test_a_dispute_of_a_payment_that_was_not_heard_of_is_told_again_later(
    world: Any,
) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    invoice = ordered.body["invoice"]["id"]

    with pytest.raises(NothingTaken):
        await told(world, invoice, "open", 1200)
    await person.pays(ordered.body["checkout_url"])
    await told(world, invoice, "open", 1200)

    assert (await person.invoices())[0]["dispute"] == "open"


async def test_an_upgrade_that_is_refunded_whole_goes_back_to_the_plan_before(
    world: Any,
) -> None:
    person, plan, dearer = await world.customer(), await world.plan(1200), await world.plan(4900)
    id = await person.has(plan)
    before = await person.subscription(id)
    await world.later(days=3)
    invoice = await upgrades(person, id, dearer)

    some = await refunds(world, invoice, 100)
    kept = await person.subscription(id)
    rest = await refunds(world, invoice)
    back = await person.subscription(id)

    assert (some.status, kept["plan"]["id"], rest.status) == (200, dearer, 200)
    assert (back["status"], back["plan"]["id"]) == ("active", plan)
    assert back["current_period_end"] == before["current_period_end"]
    await world.later(days=32)
    assert (await person.invoices())[0]["total"]["amount"] == 1200


async def test_an_upgrade_to_a_longer_term_that_is_refunded_later_is_charged_by_the_old_one(
    world: Any,
) -> None:
    person, monthly = await world.customer(), await world.plan(1200)
    yearly = await world.plan(12000, term={"interval": "year"})
    id = await person.has(monthly)
    invoice = await upgrades(person, id, yearly)
    await world.later(days=60)

    await refunds(world, invoice)
    await world.later(seconds=60)

    back = await person.is_in("active", id)
    assert back["plan"]["id"] == monthly
    newest = (await person.invoices())[0]
    assert (newest["kind"], newest["status"], newest["total"]["amount"]) == (
        "renewal",
        "paid",
        1200,
    )


async def test_a_further_upgrade_that_waits_for_its_payment_is_withdrawn_with_the_first(
    world: Any,
) -> None:
    person, plan = await world.customer(), await world.plan(1200)
    dearer, dearest = await world.plan(4900), await world.plan(9900)
    id = await person.has(plan)
    invoice = await upgrades(person, id, dearer)
    await person.saves("authenticate")
    waits = await person.ask("POST", f"{MINE}/{id}/upgrade", {"plan_id": dearest})

    await refunds(world, invoice)

    assert waits.body["status"] == "open", waits.body
    back = await person.subscription(id)
    assert (back["plan"]["id"], back["pending_change"]) == (plan, None)
    shown = await world.admin.ask("GET", f"{INVOICES}/{waits.body['invoice']['id']}")
    assert shown.body["status"] == "void"


async def test_upgrades_that_are_refunded_in_the_wrong_order_lead_back_as_well(
    world: Any,
) -> None:
    person, plan = await world.customer(), await world.plan(1200)
    dearer, dearest = await world.plan(4900), await world.plan(9900)
    id = await person.has(plan)
    first = await upgrades(person, id, dearer)
    second = await upgrades(person, id, dearest)

    await refunds(world, first)
    between = (await person.subscription(id))["plan"]["id"]
    await refunds(world, second)

    assert between == dearest
    assert (await person.subscription(id))["plan"]["id"] == plan


async def test_where_the_plan_before_is_taken_by_another_a_refunded_upgrade_ends(
    world: Any,
) -> None:
    kinds = [await world.plan(1200), await world.plan(0)]
    await world.category(*kinds)
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(kinds[0])
    invoice = await upgrades(person, id, dearer)
    assert (await person.orders(kinds[1])).status == 201

    await refunds(world, invoice)

    ended = await person.subscription(id)
    assert (ended["status"], ended["end_reason"]) == ("ended", "refunded")


async def test_a_refund_that_is_told_before_its_payment_comes_again_later(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    payment = uuid5(UUID(ordered.body["invoice"]["id"]), "attempt/1")
    said = RefundState(f"re_{payment.hex[:8]}", "pi", Money(200, "EUR"), "succeeded")

    with pytest.raises(NothingTaken):
        await hears(world, RefundNews(said, payment))
    await person.pays(ordered.body["checkout_url"])
    await hears(world, RefundNews(said, payment))

    assert (await person.invoices())[0]["refunded"]["amount"] == 200


async def test_a_refund_at_the_provider_that_overtakes_ours_is_noted_once_ours_has_failed(
    world: Any,
) -> None:
    person = await world.customer()
    await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    payment = uuid5(UUID(invoice), "attempt/1")
    world.provider.silent_refunds = 1
    await refunds(world, invoice, 400)
    said = RefundState(f"re_{payment.hex[:8]}", "pi", Money(1000, "EUR"), "succeeded")
    ours = next(o for o in world.provider.refunds.values() if o.payment.endswith(payment.hex))

    with pytest.raises(RefundUnderWay):
        await hears(world, RefundNews(said, payment))
    world.provider.refunds[ours.reference] = replace(ours, status="failed")
    await hears(world, RefundNews(replace(ours, status="failed"), payment))
    await hears(world, RefundNews(said, payment))

    assert (await person.invoices())[0]["refunded"]["amount"] == 1000
