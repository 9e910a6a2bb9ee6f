"""Everything in time: renewals, trials, declined payments, grace, the end."""

from datetime import datetime, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.integration

PRICE = 1200


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_periods_are_counted_from_the_31st_over_two_years(world: Any) -> None:
    now = await world.later(seconds=1)
    january = datetime(now.year + 1, 1, 31, 12, tzinfo=now.tzinfo)
    await world.later(until=january.isoformat())
    person = await world.customer()
    id = await person.has(await world.plan(PRICE))

    await world.later(days=760)

    paid = [i for i in await person.invoices() if i["status"] == "paid"]
    ends = sorted(moment(i["lines"][0]["ends_at"]) for i in paid if i["kind"] == "renewal")
    assert [(end.month, end.day) for end in ends[:4]] == [(3, 31), (4, 30), (5, 31), (6, 30)]
    assert [end.day for end in ends if end.month == 2] in ([28, 29], [28, 28], [29, 28])
    assert {i["total"]["amount"] for i in paid} == {PRICE}
    assert len({i["number"] for i in paid}) == len(paid) >= 25
    assert (await person.subscription(id))["status"] == "active"


async def test_a_trial_with_a_saved_card_is_reminded_of_and_then_charged(world: Any) -> None:
    person, plan = await world.customer(), await world.plan(PRICE, trial_days=14)
    await person.saves()
    ordered = await person.orders(plan)
    assert (ordered.body["status"], ordered.body["invoice"]) == ("paid", None)
    id = ordered.body["subscription"]["id"]

    await world.later(days=15)

    active = await person.is_in("active", id)
    assert moment(active["current_period_start"]) == moment(active["trial_ends_at"])
    assert [i["status"] for i in await person.invoices()] == ["paid"]
    told = [e.type for e in await recorded(world, id)]
    assert "billing.subscription_trial_end_announced" in told


async def test_a_trial_waits_for_a_page_that_saves_a_way_to_pay(world: Any) -> None:
    person, plan = await world.customer(), await world.plan(PRICE, trial_days=14)

    ordered = await person.orders(plan)
    id = ordered.body["subscription"]["id"]
    assert ordered.body["subscription"]["status"] == "pending"
    await person.saves()

    await person.is_in("trialing", id)


async def test_there_is_one_trial_of_a_family(world: Any) -> None:
    person, plan = await world.customer(), await world.plan(PRICE, trial_days=14)
    await person.saves()
    first = await person.orders(plan)
    path = f"/api/v1/user/subscriptions/{first.body['subscription']['id']}/cancel"
    await person.ask("POST", path, {"at": "now"})

    second = await person.orders(plan)

    assert second.body["subscription"]["status"] == "pending"
    assert second.body["invoice"]["total"]["amount"] == PRICE


async def test_a_trial_that_nobody_can_be_charged_for_ends(world: Any) -> None:
    plan = await world.plan(PRICE, trial_days=14, trial_needs_method=False)
    person = await world.customer()
    ordered = await person.orders(plan)
    id = ordered.body["subscription"]["id"]

    await world.later(days=15)

    ended = await person.is_in("ended", id)
    outcome = [e.event for e in await recorded(world, id) if e.type.endswith("trial_ended")]
    assert (ended["end_reason"], outcome[0].outcome) == ("trial_ended", "no_way_to_charge")
    assert await person.invoices() == []


async def test_a_declined_renewal_is_tried_again_and_ends_after_the_grace(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(PRICE), card="declined")
    end = moment((await person.subscription(id))["current_period_end"])

    await world.later(until=(end + timedelta(minutes=1)).isoformat())
    assert (await person.subscription(id))["status"] == "past_due"
    await world.later(days=8)
    unpaid = await person.subscription(id)
    await world.later(days=8)

    assert unpaid["status"] == "unpaid"
    ended = await person.subscription(id)
    assert (ended["status"], ended["end_reason"]) == ("ended", "unpaid")
    tries = [e.event for e in await recorded(world, id) if "past_due" in e.type]
    assert [(t.retry_at - t.since).days for t in tries] == [1, 3, 5, 7]
    assert [i["status"] for i in await person.invoices()] == ["uncollectible", "paid"]


async def test_a_hard_decline_is_not_tried_again(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(PRICE), card="stolen")

    await world.later(days=32)

    assert (await person.subscription(id))["status"] == "unpaid"
    assert not [e for e in await recorded(world, id) if "past_due" in e.type]


async def test_a_new_card_pays_what_is_due_at_once(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(PRICE), card="declined")
    before = await person.subscription(id)
    await world.later(days=32)
    assert (await person.subscription(id))["status"] == "past_due"

    await person.saves("ok")

    active = await person.is_in("active", id)
    assert active["current_period_start"] == before["current_period_end"]
    await world.later(days=10)
    assert (await person.subscription(id))["status"] == "active"


async def test_a_silence_after_the_effect_is_asked_again_and_charged_once(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(900))
    card = next(reversed(world.provider.cards))
    world.provider.silent_after.add(card)

    await world.later(days=32)

    assert (await person.subscription(id))["status"] == "active"
    assert await person.charged() == 2 * 900


async def test_what_was_captured_must_be_what_was_due(world: Any) -> None:
    person = await world.customer()
    id = await person.has(await world.plan(PRICE), card="cent_less")

    await world.later(days=32)

    held = await person.subscription(id)
    assert (held["status"], held["open_invoice_id"] is None) == ("active", False)
    assert [i["status"] for i in await person.invoices()] == ["open", "paid"]


async def test_a_renewal_by_transfer_has_until_its_due_date(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(PRICE), payment_method="invoice")
    id, pay = ordered.body["subscription"]["id"], "/api/v1/admin/invoices/{}/mark-paid"
    await world.admin.ask("POST", pay.format(ordered.body["invoice"]["id"]))

    await world.later(days=32)
    owing = await person.subscription(id)
    paid = await world.admin.ask("POST", pay.format(owing["open_invoice_id"]))
    await world.later(days=45)

    assert (owing["status"], paid.status) == ("past_due", 200)
    ended = await person.subscription(id)
    assert ended["status"] == "unpaid"
    newest = (await person.invoices())[0]
    assert (newest["status"], newest["overdue"]) == ("open", True)


async def recorded(world: Any, id: str) -> list[Any]:
    """What has happened in a subscription's stream, oldest first."""
    async with world.kernel.database.reader() as reader:
        rows = await reader.connection.fetch(_EVENTS, f"subscription-{id}")
        events: list[Any] = await world.kernel.store.recorded(reader, rows)
        return events


_EVENTS = """
    select position as log_position, stream, version, type, schema, data, meta, recorded_at
      from events where stream = $1 order by version"""
