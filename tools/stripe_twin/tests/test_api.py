"""The API's manners: errors, keys, lists, parts shown whole, forms, faults, memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import stripe
from common.testing.http import served
from stripe_twin.application import create_twin
from stripe_twin.forms import decoded
from stripe_twin.testing.world import account

KEY = {"Authorization": "Bearer sk_test_twin"}


async def test_money_moves_and_is_told_in_order(twin: Any) -> None:
    intent = await twin.pays()

    assert (intent.status, intent.amount_received) == ("succeeded", 1999)
    assert await twin.event_types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


async def test_a_decline_is_an_error_with_its_codes_and_stays_at_the_intent(twin: Any) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await twin.pays("pm_card_visa_chargeDeclinedInsufficientFunds")

    error: Any = declined.value.error
    intent = await twin.v1.payment_intents.retrieve_async(error.payment_intent.id)
    assert (declined.value.http_status, error.code, error.decline_code) == (
        402,
        "card_declined",
        "insufficient_funds",
    )
    assert (intent.status, intent.last_payment_error.decline_code) == (
        "requires_payment_method",
        "insufficient_funds",
    )


async def test_a_challenge_is_asked_on_session_and_refused_off_session(twin: Any) -> None:
    customer = await twin.customer()
    asked = await twin.pays("pm_card_authenticationRequired", customer=customer.id)
    with pytest.raises(stripe.CardError) as refused:
        await twin.pays("pm_card_authenticationRequired", customer=customer.id, off_session=True)

    agreed = await twin.set("authenticate", intent=asked.id)

    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    assert refused.value.code == "authentication_required"
    assert agreed["status"] == "succeeded"


async def test_the_same_key_replays_also_declines_and_refuses_another_question(
    twin: Any,
) -> None:
    once: Any = {"idempotency_key": "once"}
    given: Any = {"amount": 500, "currency": "eur", "confirm": True}
    visa, poor = (
        {**given, "payment_method": "pm_card_visa"},
        {
            **given,
            "payment_method": "pm_card_visa_chargeDeclined",
        },
    )
    make = twin.v1.payment_intents.create_async
    first, second = await make(visa, once), await make(visa, once)
    with pytest.raises(stripe.IdempotencyError):
        await make({**visa, "amount": 501}, once)
    codes = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await make(poor, {"idempotency_key": "poor"})
        codes.append(declined.value.error.charge)  # type: ignore[union-attr]
    await twin.set("clock", seconds=25 * 3600)
    third = await make(visa, once)

    assert first.id == second.id != third.id
    assert codes[0] == codes[1]
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Request-Id"].startswith("req_")


async def test_a_question_that_makes_no_sense_is_not_kept_under_its_key(twin: Any) -> None:
    key: Any = {"idempotency_key": "mended"}
    with pytest.raises(stripe.InvalidRequestError):
        await twin.v1.customers.create_async({"email": "nobody"}, key)

    made = await twin.v1.customers.create_async({"email": "a@example.org"}, key)

    assert made.email == "a@example.org"


async def test_the_same_key_twice_at_once_is_a_conflict(twin: Any) -> None:
    await twin.set("faults", kind="slow", path="/v1/customers", seconds=1)
    ask = [
        twin.v1.customers.create_async({"name": "Ann"}, {"idempotency_key": "both"})
        for _ in range(2)
    ]

    answers = await asyncio.gather(*ask, return_exceptions=True)

    [conflict] = [a for a in answers if isinstance(a, Exception)]
    assert isinstance(conflict, stripe.APIError)
    assert (conflict.http_status, conflict.code or "idempotency_key_in_use") == (
        409,
        "idempotency_key_in_use",
    )


WRONG = {
    "an unknown parameter": ("payment_intents", "amount=500&currency=eur&colour=red", 400),
    "an unknown inner one": ("customers", "address[planet]=mars", 400),
    "a number that is none": ("payment_intents", "amount=ten&currency=eur", 400),
    "too little": ("payment_intents", "amount=49&currency=eur", 400),
    "too much": ("payment_intents", "amount=100000000&currency=eur", 400),
    "thousandths": ("payment_intents", "amount=12345&currency=kwd", 400),
    "nobody": ("payment_intents", "amount=500&currency=eur&customer=cus_none", 400),
    "a path that is not played": ("subscriptions", "", 404),
    "a page without lines": ("checkout/sessions", "mode=payment&success_url=http://a", 400),
    "a text where a list is": ("checkout/sessions", "mode=payment&line_items=x", 400),
    "a list where a text is": ("customers", "name[]=x", 400),
    "brackets astray": ("customers", "name[=x", 400),
    "a refund of nothing": ("refunds", "", 400),
    "no card": ("payment_methods", "type=card&card[number]=4242424242424241", 402),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_question_is_told_what_is_wrong(twin: Any, what: str) -> None:
    path, body, status = WRONG[what]
    headers = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}

    async with twin.http.post(f"/v1/{path}", data=body, headers=headers) as answer:
        said = await answer.json()

    assert answer.status == status
    assert said["error"]["message"]
    assert answer.headers["Request-Id"].startswith("req_")


async def test_live_keys_no_keys_and_other_versions_are_refused(twin: Any) -> None:
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer sk_live_x"}, 401),
        ({**KEY, "Stripe-Version": "2017-08-15"}, 400),
    ):
        async with twin.http.get("/v1/customers", headers=headers) as answer:
            assert answer.status == status


async def test_lists_have_cursors_both_ways_and_filters(twin: Any) -> None:
    made = [(await twin.customer(name=str(n))).id for n in range(5)]
    newest = list(reversed(made))
    lists = twin.v1.customers.list_async

    first = await lists({"limit": 2})
    after = await lists({"limit": 2, "starting_after": first.data[-1].id})
    before = await lists({"limit": 2, "ending_before": newest[3]})
    walked = [customer.id async for customer in (await lists({"limit": 2})).auto_paging_iter()]

    assert [c.id for c in first.data] == newest[:2]
    assert ([c.id for c in after.data], after.has_more) == (newest[2:4], True)
    assert [c.id for c in before.data] == newest[1:3]
    assert walked == newest
    assert (await lists({"email": "other@example.org"})).data == []
    assert (await lists({"created": {"gt": 2**33}})).data == []


async def test_parts_are_shown_whole_where_they_are_asked_for(twin: Any) -> None:
    customer = await twin.customer(name="Ann")
    intent = await twin.pays(customer=customer.id)
    wanted: Any = {"expand": ["latest_charge.customer", "payment_method"]}
    shown = await twin.v1.payment_intents.retrieve_async(intent.id, wanted)
    listed = await twin.v1.payment_intents.list_async({"expand": ["data.customer"]})

    assert shown.latest_charge.customer.name == "Ann"
    assert shown.payment_method.card.last4 == "4242"
    assert listed.data[0].customer.name == "Ann"
    with pytest.raises(stripe.InvalidRequestError):
        await twin.v1.payment_intents.retrieve_async(intent.id, {"expand": ["amount.x"]})


async def test_metadata_is_merged_and_an_empty_text_removes(twin: Any) -> None:
    customer = await twin.customer(metadata={"a": "1", "b": "2"})

    changed = await twin.v1.customers.update_async(customer.id, {"metadata": {"a": "", "c": "3"}})
    emptied = await twin.v1.customers.update_async(customer.id, {"metadata": ""})

    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert emptied.metadata.to_dict() == {}


async def test_any_refund_can_come_back_from_its_bank_once(twin: Any) -> None:
    intent = await twin.pays()
    made = await twin.v1.refunds.create_async({"payment_intent": intent.id, "amount": 500})

    for _ in range(2):
        await twin.set("fail_refund", refund=made.id)

    seen = await twin.v1.refunds.retrieve_async(made.id)
    assert (seen.status, seen.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = await twin.v1.charges.retrieve_async(intent.latest_charge)
    assert charge.amount_refunded == 0
    told = (await twin.v1.events.list_async({"type": "refund.failed"})).data
    assert [event.data.object["id"] for event in told] == [made.id]
    await twin.v1.refunds.create_async({"payment_intent": intent.id})


async def test_refunds_never_exceed_what_was_paid(twin: Any) -> None:
    intent = await twin.pays()
    refund = twin.v1.refunds.create_async
    await refund({"payment_intent": intent.id, "amount": 1500})
    for amount in (500, 0, -1):
        with pytest.raises(stripe.InvalidRequestError):
            await refund({"payment_intent": intent.id, "amount": amount})
    await refund({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as again:
        await refund({"payment_intent": intent.id})

    assert again.value.code == "charge_already_refunded"


async def test_the_clock_goes_forward_only_and_brings_what_is_due(twin: Any) -> None:
    await twin.pays("pm_card_createDispute")
    async with twin.http.post("/_twin/clock", json={"seconds": -1}) as answer:
        assert answer.status == 400

    done = await twin.set("clock", seconds=3600)

    assert done["done"] == 1
    [dispute] = (await twin.v1.disputes.list_async()).data
    closed = await twin.v1.disputes.close_async(dispute.id)
    assert (dispute.status, closed.status) == ("needs_response", "lost")


async def test_what_it_knows_outlives_a_stop(tmp_path: Path) -> None:
    file = tmp_path / "twin.sqlite"
    key: Any = {"idempotency_key": "kept"}
    async with account(file) as before:
        await before.set("clock", seconds=1000)
        made = await before.v1.customers.create_async({"name": "Ann"}, key)
        intent = await before.pays("pm_card_createDispute", customer=made.id)
    async with account(file) as after:
        again = await after.v1.customers.create_async({"name": "Ann"}, key)
        clock = await after.told("clock")
        await after.set("clock", seconds=3600)
        disputes = await after.v1.disputes.list_async()

    assert again.id == made.id
    assert clock["now"] >= intent.created
    assert [dispute.payment_intent for dispute in disputes.data] == [intent.id]


async def test_endpoints_given_at_the_start_are_those_of_the_last_start(tmp_path: Path) -> None:
    file, urls = tmp_path / "twin.sqlite", []
    for given in (["http://127.0.0.1:1/a"], ["http://127.0.0.1:1/a"], ["http://127.0.0.1:1/b"]):
        async with account(file, [(url, "whsec_x") for url in given]) as twin:
            listed = await twin.v1.webhook_endpoints.list_async()
            urls.append([endpoint.url[-1] for endpoint in listed.data])

    assert urls == [["a"], ["a"], ["b"]]


def test_forms_nest_as_brackets_say() -> None:
    assert decoded("a[b][0][c]=1&a[b][1][c]=2&d[]=x&d[]=y&e=") == {
        "a": {"b": [{"c": "1"}, {"c": "2"}]},
        "d": ["x", "y"],
        "e": "",
    }


async def test_pages_may_be_reached_elsewhere_than_the_api() -> None:
    given = {
        "mode": "setup",
        "success_url": "http://s",
        "cancel_url": "http://c",
        "currency": "eur",
    }
    async with served(create_twin(public_url="http://pages.example/")) as client:
        path = "/v1/checkout/sessions"
        async with client.post(path, data=given, headers=KEY) as response:
            session = await response.json()

    assert session["url"] == f"http://pages.example/c/{session['id']}"
