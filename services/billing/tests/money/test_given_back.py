"""What goes back buys no credit any more; what a bank sends back is owed until it is settled."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.invoices.commands import RequestRefund
from billing.invoices.decider import INVOICE
from billing.measuring import OWED, measure
from billing.payment_provider import RefundState
from billing.provider_news import DisputeNews, Heard, ProviderNews, RefundNews
from billing.provider_reactions import owed_refunds, reacting
from billing.refunding import note_what_went_back_earlier
from common.event_store import Cause
from common.money import Money

pytestmark = pytest.mark.integration

MINE, INVOICES = "/api/v1/user/subscriptions", "/api/v1/admin/invoices"
REFUNDS = "/api/v1/admin/refunds"


def desk(world: Any) -> Desk:
    return Desk(world.kernel, world.settings, {"stripe": world.provider})


async def told(world: Any, news: ProviderNews) -> None:
    """The provider tells how something is now."""
    now = await world.later(seconds=1)
    async with world.kernel.database.transaction() as transaction:
        await reacting(desk(world))(transaction, news, Heard("stripe", Cause(uuid4(), now), now))


async def refunds(world: Any, invoice: str, amount: int | None = None) -> Any:
    body, key = {"amount": amount} if amount else {}, uuid4().hex
    return await world.admin.ask("POST", f"{INVOICES}/{invoice}/refund", body, Idempotency_Key=key)


async def previewed(person: Any, id: str, plan: str) -> Any:
    return await person.ask("GET", f"{MINE}/{id}/change-preview?plan_id={plan}")


async def upgrades(person: Any, id: str, **body: str) -> Any:
    return await person.ask("POST", f"{MINE}/{id}/upgrade", body)


async def test_what_was_refunded_lowers_the_credit_and_the_invoice_says_what_the_preview_said(
    world: Any,
) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    await world.later(days=6)
    whole = (await previewed(person, id, dearer)).body

    await refunds(world, invoice, 600)
    outdated = await upgrades(person, id, preview_token=whole["preview_token"])
    half = (await previewed(person, id, dearer)).body
    bought = await upgrades(person, id, preview_token=half["preview_token"])

    assert (outdated.status, outdated.body["code"]) == (409, "preview_outdated")
    assert 0 <= whole["credit"]["amount"] - 2 * half["credit"]["amount"] <= 1
    assert bought.body["invoice"]["total"] == half["total"], bought.body
    assert await person.charged() == 1200 + half["total"]["amount"]


async def test_a_refund_made_at_the_provider_lowers_the_credit_as_ours_does(world: Any) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    payment = uuid5(UUID((await person.invoices())[0]["id"]), "attempt/1")
    reference = f"re_{payment.hex[:8]}"
    said = RefundState(reference, "pi", Money(1100, "EUR"), "succeeded")

    await told(world, RefundNews(said, payment))

    assert (await previewed(person, id, dearer)).body["credit"]["amount"] <= 100


async def test_what_went_back_before_subscriptions_were_told_of_it_is_caught_up_with(
    world: Any,
) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    invoice = UUID((await person.invoices())[0]["id"])
    now = await world.later(seconds=1)
    request = RequestRefund(uuid4(), Money(1000, "EUR"), "as it was once", now)
    await world.kernel.commands.handle(INVOICE, invoice, request, Cause(uuid4(), now))
    before = (await previewed(person, id, dearer)).body["credit"]["amount"]

    for _ in range(2):
        await note_what_went_back_earlier(desk(world), now)

    assert before > 1000
    shown = await person.ask("GET", f"{MINE}/{id}")
    assert (await previewed(person, id, dearer)).body["credit"]["amount"] <= 200
    await note_what_went_back_earlier(desk(world), now)
    assert (await person.ask("GET", f"{MINE}/{id}")).headers["etag"] == shown.headers["etag"]


async def test_of_a_refund_and_an_upgrade_at_once_no_credit_is_given_for_what_goes_back(
    world: Any,
) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]

    refund, upgrade = await asyncio.gather(
        refunds(world, invoice, 1199), upgrades(person, id, plan_id=dearer)
    )

    # whichever came first: together they never give more than the period had cost
    paid = [one for one in await person.invoices() if one["status"] == "paid"]
    lines = [line for one in paid for line in one["lines"]]
    credit = -sum(one["amount"]["amount"] for one in lines if one["amount"]["amount"] < 0)
    back = sum(one["refunded"]["amount"] for one in paid)
    assert {refund.status, upgrade.status} <= {200, 409, 422}
    assert await person.charged() - back >= 0
    live = (await person.subscription(id))["plan"]["id"]
    if live == dearer and back:
        third = await world.plan(9900)
        next_credit = (await previewed(person, id, third)).body["credit"]["amount"]
        assert next_credit <= await person.charged() - back
    else:
        assert credit + back <= 1200


async def test_an_upgrade_that_waits_is_withdrawn_when_some_of_its_credit_goes_back(
    world: Any,
) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    id = await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    await person.saves("authenticate")
    waits = await upgrades(person, id, plan_id=dearer)

    await refunds(world, invoice, 300)

    shown = await world.admin.ask("GET", f"{INVOICES}/{waits.body['invoice']['id']}")
    assert (waits.body["status"], shown.body["status"]) == ("open", "void")
    assert (await person.subscription(id))["pending_change"] is None
    assert (await previewed(person, id, dearer)).body["credit"]["amount"] <= 900


async def test_money_that_goes_back_while_an_upgrade_is_charged_withdraws_it_and_holds_the_charge(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    plan = await world.plan(1200)
    id = await person.has(plan)
    invoice = (await person.invoices())[0]["id"]
    charge = world.provider.charge

    async def charge_and_refund(*how: Any, **more: Any) -> Any:
        await refunds(world, invoice, 1000)
        return await charge(*how, **more)

    monkeypatch.setattr(world.provider, "charge", charge_and_refund)
    answer = await upgrades(person, id, plan_id=dearer)

    assert (answer.status, answer.body["code"]) == (409, "order_withdrawn")
    assert (await person.subscription(id))["plan"]["id"] == plan
    path = f"/api/v1/admin/payments?status=held&user_id={person.account}"
    [held] = (await world.admin.ask("GET", path)).body["items"]
    assert (held["code"], held["held"]["amount"]) == ("invoice_not_open", held["amount"]["amount"])


async def test_no_upgrade_is_sold_while_a_bank_disputes_what_it_would_credit(world: Any) -> None:
    person, dearer = await world.customer(), await world.plan(4900)
    cheaper = await world.plan(500)
    id = await person.has(await world.plan(1200))
    payment = uuid5(UUID((await person.invoices())[0]["id"]), "attempt/1")
    dispute = DisputeNews(f"dp_{payment.hex[:8]}", "pi", payment, Money(1200, "EUR"), "open")

    await told(world, dispute)
    answers = [await previewed(person, id, dearer), await upgrades(person, id, plan_id=dearer)]
    later = await person.ask("POST", f"{MINE}/{id}/downgrade", {"plan_id": cheaper})
    await told(world, replace(dispute, status="won"))

    assert [(a.status, a.body["code"]) for a in answers] == [(409, "payment_disputed")] * 2
    assert later.status == 200, later.body
    assert (await upgrades(person, id, plan_id=dearer)).body["status"] == "applied"


async def returned(world: Any, amount: int = 500) -> tuple[Any, str, RefundNews]:
    """A customer, the refund of some of their invoice, and what the provider tells of its end."""
    person = await world.customer()
    await person.has(await world.plan(1200))
    invoice = (await person.invoices())[0]["id"]
    made = (await refunds(world, invoice, amount)).body["credit_notes"][0]
    payment = uuid5(UUID(invoice), "attempt/1")
    [known] = [one for one in world.provider.refunds.values() if one.payment.endswith(payment.hex)]
    failed = world.provider.refunds[known.reference] = replace(known, status="failed")
    news = RefundNews(failed, payment)
    for _ in range(2):
        await told(world, news)
    return person, made["id"], news


async def settles(world: Any, id: str, how: str, body: Any = None) -> Any:
    path = f"{REFUNDS}/{id}/{how}"
    return await world.admin.ask("POST", path, body or {}, Idempotency_Key=uuid4().hex)


async def test_a_refund_that_fails_after_days_is_owed_and_tried_again(world: Any) -> None:
    person, id, news = await returned(world)
    listed = (await world.admin.ask("GET", f"{REFUNDS}?status=returned&per_page=100")).body
    report = await owed_refunds(desk(world))
    await measure(world.kernel.database)
    gauge = OWED.labels("invoice")._value.get()
    before = (await person.invoices())[0]

    admin, path, key = world.admin, f"{REFUNDS}/{id}/retry", uuid4().hex
    retried = [await admin.ask("POST", path, {}, Idempotency_Key=key) for _ in range(2)]
    await told(world, news)  # the first try's failure once more
    again = await settles(world, id, "retry")

    assert id in [one["id"] for one in listed["items"]]
    assert UUID(id) in [one.refund_id for one in report]
    assert gauge >= 1
    assert before["refunded"]["amount"] == 500
    assert [(a.status, a.body["status"]) for a in retried] == [(200, "done")] * 2
    assert retried[1].headers["idempotent-replayed"] == "true"
    assert (again.status, again.body["code"]) == (409, "refund_not_returned")
    after = (await world.admin.ask("GET", f"{INVOICES}/{before['id']}")).body
    [note] = after["credit_notes"]
    assert (after["refunded"]["amount"], note["number"][:3]) == (500, "CN-")
    made = [one for one in world.provider.refunds.values() if one.payment == news.state.payment]
    assert sorted(one.status for one in made) == ["failed", "succeeded"]


async def test_a_refund_that_came_back_is_paid_back_by_transfer_once(world: Any) -> None:
    _, id, news = await returned(world)
    said = {"transfer": "Statement 12, line 7"}

    answers = await asyncio.gather(*(settles(world, id, "paid-back", said) for _ in range(3)))
    await told(world, news)
    refused = [
        await settles(world, id, "retry"),
        await settles(world, id, "paid-back", {"transfer": ""}),
        await settles(world, str(uuid4()), "retry"),
        await world.caller().ask("POST", f"{REFUNDS}/{id}/retry", {}, Idempotency_Key="k"),
        await world.admin.ask("POST", f"{REFUNDS}/{id}/retry", {}),
    ]

    assert {(a.status, a.body["status"], a.body["transfer"]) for a in answers} == {
        (200, "done", "Statement 12, line 7")
    }
    assert [(a.status, a.body["code"]) for a in refused] == [
        (409, "refund_not_returned"),
        (422, "invalid"),
        (404, "not_found"),
        (403, "forbidden"),
        (400, "idempotency_key_required"),
    ]


async def test_of_a_retry_and_a_transfer_at_once_the_customer_gets_the_money_once(
    world: Any,
) -> None:
    _, id, news = await returned(world)

    await asyncio.gather(
        settles(world, id, "retry"),
        settles(world, id, "paid-back", {"transfer": "Line 8"}),
        settles(world, id, "retry"),
    )

    made = [one for one in world.provider.refunds.values() if one.payment == news.state.payment]
    went = [one for one in made if one.status == "succeeded"]
    shown = (await world.admin.ask("GET", f"{REFUNDS}?per_page=100")).body["items"]
    [refund] = [one for one in shown if one["id"] == id]
    assert (refund["status"], len(went) + (refund["transfer"] is not None)) == ("done", 1)
