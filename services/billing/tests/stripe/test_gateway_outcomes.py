"""The five outcomes, and what must not happen twice, over the real client against the twin."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from billing.payment_provider import (
    Declined,
    NotAttempted,
    Pending,
    ProviderRefused,
    ProviderUnavailable,
    SavedMethod,
    Succeeded,
    Unknown,
)
from billing.stripe_gateway import StripeGateway
from common.money import Money
from common.testing.processes import free_port

PRICE = Money(1999, "EUR")
INTENTS = "/v1/payment_intents"


async def test_a_page_that_is_paid_has_succeeded_and_saves_the_card(house: Any) -> None:
    _, reference = await house.bought()

    state = await house.gateway.page(reference)

    assert state.status == "complete"
    assert isinstance(state.outcome, Succeeded)
    assert state.outcome.captured == PRICE
    assert state.method is not None
    assert (state.method.brand, state.method.last4, state.method.expires) == (
        "visa",
        "4242",
        "2044-12",
    )


async def test_a_saved_card_is_charged_while_the_customer_is_away(house: Any) -> None:
    outcome = await house.charged(await house.saved())

    fetched = await house.gateway.fetch(outcome.reference)

    assert isinstance(outcome, Succeeded)
    assert (fetched.reference, fetched.captured) == (outcome.reference, PRICE)


async def test_a_card_that_was_challenged_when_it_was_saved_is_not_challenged_again(
    house: Any,
) -> None:
    _, reference = await house.bought("4000002500003155")
    intent = (await house.gateway.page(reference)).outcome.reference
    await house.twin.set("authenticate", intent=intent)
    method = (await house.gateway.page(reference)).method

    outcome = await house.charged(method)

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == PRICE


async def test_a_challenge_is_pending_with_the_address_where_the_customer_acts(house: Any) -> None:
    _, reference = await house.bought("4000002760003184")

    state = await house.gateway.page(reference)

    assert state.status == "open"
    assert isinstance(state.outcome, Pending)
    assert (
        state.outcome.action_url
        == (await house.twin.v1.checkout.sessions.retrieve_async(reference)).url
    )


@pytest.mark.parametrize(
    ("card", "code", "hard"),
    [
        ("pm_card_chargeCustomerFail", "card_declined", False),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds", False),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card", True),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", True),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", False),
        ("pm_card_authenticationRequired", "authentication_required", False),
    ],
)
async def test_a_decline_names_its_reason_and_whether_to_come_again(
    house: Any, card: str, code: str, hard: bool
) -> None:
    customer = await house.twin.customer()

    outcome = await house.charged(SavedMethod(card, customer.id))

    assert outcome == Declined(outcome.reference, code, hard)
    assert await house.gateway.fetch(outcome.reference) == outcome


async def test_a_decline_on_a_page_leaves_it_open(house: Any) -> None:
    order = await house.order()
    page = await house.gateway.checkout_page(order, key="a")
    async with house.twin.http.post(
        f"/c/{page.reference}", data={"card": "4000000000009995"}
    ) as answer:
        assert "insufficient funds" in await answer.text()

    state = await house.gateway.page(page.reference)
    fetched = await house.gateway.fetch(state.outcome.reference)

    reference = state.outcome.reference
    closed = await house.gateway.expire_page(page.reference, key="closed")
    assert (state.status, type(state.outcome), type(fetched)) == ("open", Pending, Pending)
    assert closed.outcome == await house.gateway.fetch(reference)
    assert closed.outcome == NotAttempted(reference, "cancelled")


async def test_a_page_nobody_used_and_a_card_that_is_gone_were_not_attempted(house: Any) -> None:
    page = await house.gateway.checkout_page(await house.order(), key="b")
    open_page = await house.gateway.page(page.reference)
    closed = await house.gateway.expire_page(page.reference, key="c")
    again = await house.gateway.expire_page(page.reference, key="d")
    method = await house.saved()
    await house.twin.v1.payment_methods.detach_async(method.reference)

    gone = await house.charged(method)
    never = await house.charged(SavedMethod("pm_never", method.customer))

    assert open_page.outcome == NotAttempted(page.reference, "page_open")
    assert closed == again
    assert (closed.status, closed.outcome) == (
        "expired",
        NotAttempted(page.reference, "page_expired"),
    )
    assert gone == never == NotAttempted(None, "method_gone")
    assert await house.intents_of(method) == []


async def test_closing_a_page_that_was_paid_tells_that_it_was(house: Any) -> None:
    _, reference = await house.bought()

    state = await house.gateway.expire_page(reference, key="e")

    assert (state.status, type(state.outcome)) == ("complete", Succeeded)


async def test_a_page_whose_answer_got_lost_is_found_although_it_would_end_later_now(
    house: Any,
) -> None:
    order, gateway = await house.order(), house.impatient()
    await house.twin.set("faults", kind="timeout", path="/v1/checkout/sessions", seconds=5)
    with pytest.raises(ProviderUnavailable):
        await gateway.checkout_page(order, key="lost")
    later = replace(order, expires_at=order.expires_at + timedelta(minutes=5))

    page = await gateway.checkout_page(later, key="lost")
    await gateway.close()

    listed = await house.twin.v1.checkout.sessions.list_async({"customer": order.customer})
    assert [session.id for session in listed.data] == [page.reference]


@pytest.mark.parametrize("fault", ["timeout", "reset"])
async def test_an_answer_that_got_lost_is_unknown_and_the_same_key_takes_the_money_once(
    house: Any, fault: str
) -> None:
    method, key = await house.saved(), "pay:invoice:1"
    gateway, payment = house.impatient(), uuid4()
    await house.twin.set("faults", kind=fault, path=INTENTS, seconds=5)

    first = await gateway.charge(payment, method, PRICE, text="Plus", key=key)
    second = await gateway.charge(payment, method, PRICE, text="Plus", key=key)
    await gateway.close()

    assert first == Unknown(None)
    assert isinstance(second, Succeeded)
    assert len(await house.intents_of(method)) == 1


async def test_a_broken_answer_is_repeated_inside_one_question(house: Any) -> None:
    method = await house.saved()
    await house.twin.set("faults", kind="error", path=INTENTS)

    outcome = await house.charged(method, "f")

    assert outcome == Unknown(None)
    assert await house.intents_of(method) == []


async def test_a_failure_after_the_effect_is_unknown_and_found_by_looking(house: Any) -> None:
    method, payment = await house.saved(), uuid4()
    started = datetime.now(UTC) - timedelta(minutes=1)
    await house.twin.set("faults", kind="error_after", path=INTENTS)

    first = await house.gateway.charge(payment, method, PRICE, text="Plus", key="g")
    again = await house.gateway.charge(payment, method, PRICE, text="Plus", key="g")
    found = [n for n in await house.gateway.payment_news(started) if n.payment_id == payment]

    assert first == again == Unknown(None)
    assert [type(news.outcome) for news in found] == [Succeeded]


async def test_who_asks_too_often_or_reaches_nobody_is_told_that_nothing_happened(
    house: Any,
) -> None:
    method = await house.saved()
    nowhere = StripeGateway("sk_test_x", [], api_base=f"http://127.0.0.1:{free_port()}", retries=0)
    foreign = StripeGateway("sk_live_x", [], api_base=house.twin.url, retries=0)
    await house.twin.set("faults", kind="rate_limit", path=INTENTS)

    for gateway in (house.gateway, nowhere, foreign):
        with pytest.raises(ProviderUnavailable):
            await house.charged(method, by=gateway)

    await nowhere.close()
    await foreign.close()
    assert await house.intents_of(method) == []


async def test_a_key_used_for_another_question_is_refused(house: Any) -> None:
    method = await house.saved()
    await house.charged(method, "h")

    with pytest.raises(ProviderRefused) as refused:
        await house.charged(method, "h")

    assert refused.value.code == "key_used_for_another_question"


async def test_the_same_charge_twice_at_once_takes_the_money_once(house: Any) -> None:
    method, payment = await house.saved(), uuid4()
    await house.twin.set("faults", kind="slow", path=INTENTS, seconds=0.3)
    ask = [house.gateway.charge(payment, method, PRICE, text="Plus", key="i") for _ in range(2)]

    outcomes = await asyncio.gather(*ask)

    assert {type(outcome) for outcome in outcomes} <= {Succeeded, Unknown}
    assert Succeeded in {type(outcome) for outcome in outcomes}
    assert len(await house.intents_of(method)) == 1
