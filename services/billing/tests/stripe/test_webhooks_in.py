"""Webhooks as they come: once, twice, late, reversed, forged, old, and while we are broken."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from billing.main import create_app
from billing.sandbox_clock import SandboxClock
from common.testing.http import served
from common.testing.logs import json_log
from common.testing.waiting import eventually
from stripe_twin.testing.webhooks import event, signature

MEBIBYTE = 1024 * 1024


async def test_what_happened_on_a_page_is_told_to_core_once_with_its_present_state(
    house: Any,
) -> None:
    payment, reference = await house.bought()
    await house.everything_was_sent()
    await house.work_until_done()

    pages = await house.heard("PageNews")
    payments = await house.heard("PaymentNews")

    assert len(pages) == len(payments) == 1
    assert f"UUID('{payment}')" in pages[0]
    assert reference in pages[0]
    assert "Succeeded" in pages[0]
    assert "Succeeded" in payments[0]
    assert await house.stored("done_at is null") == 0


async def test_duplicates_are_stored_once(house: Any) -> None:
    await house.twin.set("switches", duplicates=3)
    await house.bought()
    await house.everything_was_sent()
    await house.work_until_done()

    sent = await house.twin.told("deliveries")

    assert {d["state"] for d in sent} == {"delivered"}
    assert await house.stored() == len(sent) / 4
    assert len(await house.heard("PaymentNews")) == 1


async def test_reversed_they_lead_to_the_same(house: Any) -> None:
    await house.twin.set("switches", hold=True)
    payment, _ = await house.bought()
    assert await house.stored() == 0

    released = await house.twin.set("release", reverse=True)
    await house.work_until_done()

    assert released["released"] >= 4
    news = await house.heard(str(payment))
    assert all("Succeeded" in told for told in news)


async def test_a_decline_on_a_page_is_no_end_and_the_last_word_is_the_present(
    house: Any,
) -> None:
    order = await house.order()
    page = await house.gateway.checkout_page(order, key="page")
    async with house.twin.http.post(f"/c/{page.reference}", data={"card": "4000000000000002"}):
        await house.everything_was_sent()
    await house.work_until_done()
    await house.twin.set("pay", session=page.reference, number="4242424242424242")
    await house.everything_was_sent()
    await house.work_until_done()

    told = await house.heard("PaymentNews")

    assert "Pending" in told[0]
    assert "Succeeded" in told[-1]


async def test_late_ones_are_worked_on_when_they_come(house: Any) -> None:
    await house.twin.set("switches", delay=0.5)
    payment, _ = await house.bought()
    assert await house.stored() == 0

    await house.arrived(3)
    await house.everything_was_sent()
    await house.work_until_done()

    assert await house.heard(str(payment))


async def test_a_forged_one_is_refused_then_tried_again_with_the_right_signature(
    house: Any,
) -> None:
    await house.twin.set("switches", bad_signatures=2)
    await house.bought()
    await house.everything_was_sent()

    answers = [answer for d in await house.twin.told("deliveries") for answer in d["answers"]]

    assert answers.count(422) == 2
    assert await house.stored() == answers.count(200)


@pytest.mark.parametrize("age", [301, -301, 10**9])
async def test_one_dated_too_far_from_now_is_refused(house: Any, age: int) -> None:
    body = event()

    status, problem = await house.post(body, signature(body, house.secret, age=age))

    assert (status, problem["code"]) == (422, "webhook_refused")
    assert problem["errors"][0]["code"] == "signature_too_old"
    assert await house.stored() == 0


@pytest.mark.parametrize("age", [290, -290])
async def test_one_dated_within_five_minutes_is_taken(house: Any, age: int) -> None:
    body = event()

    assert (await house.post(body, signature(body, house.secret, age=age)))[0] == 200


async def test_the_clock_of_a_sandbox_does_not_make_them_old(house: Any) -> None:
    body, in_a_sandbox = event(), house.settings.model_copy(update={"sandbox": True})
    await SandboxClock().move_to(house.kernel.database, datetime.now(UTC) + timedelta(days=400))

    async with served(create_app(in_a_sandbox, house.kernel)) as client:
        headers = {"Stripe-Signature": signature(body, house.secret)}
        async with client.post("/api/v1/stripe/webhook", data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


async def test_the_twin_can_date_them_back_and_then_they_come_again(house: Any) -> None:
    await house.twin.set("switches", signature_age=4000)
    await house.something_happens()
    await house.twin.set("switches", signature_age=0)
    await house.everything_was_sent()

    assert await house.stored() > 0


FORGED = {
    "none": None,
    "empty": "",
    "words": "hello",
    "no time": "v1=abc",
    "a time that is none": "t=soon,v1=abc",
    "a huge time": f"t={'9' * 1000},v1=abc",
    "another scheme": "t=1,v0=abc",
    "not ascii": "t=1,v1=ä",
    "endless": "t=1," + "v1=a," * 1000,
}


@pytest.mark.parametrize("how", FORGED)
async def test_without_a_good_signature_nothing_is_stored(house: Any, how: str) -> None:
    status, problem = await house.post(event(), FORGED[how])

    assert (status, problem["code"]) == (422, "webhook_refused")
    assert problem["errors"][0]["code"] in ("signature_missing", "signature_wrong")
    assert await house.stored() == 0


async def test_a_signature_holds_for_the_very_bytes_only(house: Any) -> None:
    body = event()

    status, problem = await house.post(body + b" ", signature(body, house.secret))

    assert (status, problem["errors"][0]["code"]) == (422, "signature_wrong")


NO_EVENTS = {
    "no json": b"{",
    "a list": b"[]",
    "no id": b'{"object": "event", "type": "x", "created": 1, "data": {"object": {}}}',
    "a thin event": b'{"object": "v2.core.event", "id": "evt_1", "type": "x"}',
    "an id that is none": event(id=7),
    "an endless id": event(id="e" * 300),
    "a time that is none": event(created="now"),
    "nothing in it": event(data={}),
}


@pytest.mark.parametrize("what", NO_EVENTS)
async def test_signed_but_no_event(house: Any, what: str) -> None:
    body = NO_EVENTS[what]

    status, problem = await house.post(body, signature(body, house.secret))

    assert (status, problem["errors"][0]["code"]) == (422, "not_an_event")


async def test_bytes_that_are_no_text_are_refused(house: Any) -> None:
    status, problem = await house.post(b"\xff\xfe", signature(b"", house.secret))

    assert (status, problem["errors"][0]["code"]) == (422, "signature_wrong")


async def test_types_that_we_do_not_know_are_taken_and_concern_nobody(house: Any) -> None:
    body = event(type="moon.risen", data={"object": {"object": "moon", "id": "mo_1"}})

    status, said = await house.post(body, signature(body, house.secret))
    await house.work_until_done()

    assert (status, said) == (200, {"received": True})
    assert await house.stored("kind = 'other' and done_at is not null") == 1
    assert await house.heard() == []


async def test_things_that_others_made_in_the_same_account_concern_nobody(house: Any) -> None:
    await house.twin.pays()
    await house.everything_was_sent()
    await house.work_until_done()

    assert await house.stored("result = 'ignored'") > 0
    assert await house.heard() == []


async def test_a_body_of_a_mebibyte_is_taken_and_a_larger_one_is_not(house: Any) -> None:
    given: dict[str, Any] = json.loads(event())
    given["padding"] = ""
    given["padding"] = "x" * (MEBIBYTE - len(json.dumps(given)))
    body = json.dumps(given).encode()

    taken, _ = await house.post(body, signature(body, house.secret))
    larger = body + b" "
    refused, problem = await house.post(larger, signature(larger, house.secret))

    assert (len(body), taken) == (MEBIBYTE, 200)
    assert (refused, problem["code"]) == (413, "body_too_large")


async def test_while_the_secret_is_rolled_both_hold_and_then_only_the_new_one(house: Any) -> None:
    body = event()
    assert (await house.post(body, signature(body, house.old_secret)))[0] == 200

    await house.twin.set("roll_secret", endpoint=house.endpoint)  # unknown to us, the old one too
    await house.something_happens()
    await house.everything_was_sent()
    both = {d["state"] for d in await house.twin.told("deliveries")}
    await house.twin.set("forget_old_secrets", endpoint=house.endpoint)
    await house.twin.set("switches", retry_after=[])
    await house.something_happens()

    async def refused() -> bool:
        return any(d["answers"] == [422] for d in await house.twin.told("deliveries"))

    assert both == {"delivered"}
    await eventually(refused, within=60, what="a refusal")


async def test_while_our_database_is_broken_they_are_tried_again(house: Any) -> None:
    await house.twin.set("switches", retry_after=[0.5] * 100)

    async def failed() -> bool:
        return any(500 in d["answers"] for d in await house.twin.told("deliveries"))

    async with house.kernel.database.owner() as owner:
        await owner.execute("alter table provider_notifications rename to gone")
        try:
            with json_log():  # a person's log would print each traceback at length
                await house.something_happens()
                await eventually(failed, within=60, what="a 500")
        finally:
            await owner.execute("alter table gone rename to provider_notifications")
    await house.everything_was_sent()

    assert {d["state"] for d in await house.twin.told("deliveries")} == {"delivered"}


async def test_the_configuration_tells_browsers_what_they_may_know(house: Any) -> None:
    async with house.client.get("/api/v1/stripe/config") as answer:
        assert await answer.json() == {"publishable_key": "pk_test_billing", "test_mode": True}
