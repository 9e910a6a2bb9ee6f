"""Amounts, refunds and customers, over the real client against the twin."""

from typing import Any
from uuid import uuid4

import pytest
from billing.payment_provider import (
    PageLine,
    ProviderRefused,
    Succeeded,
)
from common.money import Money

PRICE = Money(1999, "EUR")
INTENTS = "/v1/payment_intents"


async def test_money_is_given_back_in_parts_and_never_more_than_was_paid(house: Any) -> None:
    outcome = await house.charged(await house.saved())
    part = Money(500, "EUR")

    first = await house.gateway.refund(outcome.reference, part, reason="late", key="j")
    same = await house.gateway.refund(outcome.reference, part, reason="late", key="j")
    with pytest.raises(ProviderRefused):
        await house.gateway.refund(outcome.reference, PRICE, reason="late", key="k")
    await house.gateway.refund(outcome.reference, PRICE - part, reason="late", key="l")
    with pytest.raises(ProviderRefused) as again:
        await house.gateway.refund(outcome.reference, part, reason="late", key="m")

    assert first == same
    assert (first.payment, first.amount, first.status) == (outcome.reference, part, "succeeded")
    assert again.value.code == "already_refunded"


async def test_a_refund_may_take_days_or_fail_days_later(house: Any) -> None:
    states = []
    for card in ("pm_card_pendingRefund", "pm_card_refundFail"):
        intent = await house.twin.pays(card)
        made = await house.gateway.refund(intent.id, PRICE, reason="x", key=f"n:{card}")
        states.append((made.status, made.reference))
    await house.twin.set("clock", seconds=4 * 86_400)

    after = [(await house.gateway.refund_state(reference)).status for _, reference in states]

    assert [status for status, _ in states] == ["pending", "succeeded"]
    assert after == ["succeeded", "failed"]


async def test_an_account_has_one_customer_however_often_it_is_asked_for(house: Any) -> None:
    account_id = uuid4()
    made = [
        await house.gateway.customer(account_id, "cy@example.org", None, key=key)
        for key in ("o", "o", "another")
    ]
    other = await house.gateway.customer(uuid4(), "cy@example.org", "Cy", key="p")

    assert len(set(made)) == 1
    assert other not in made
    with pytest.raises(ProviderRefused) as refused:
        await house.gateway.customer(uuid4(), "no address", None, key="q")
    assert refused.value.code == "email_invalid"


@pytest.mark.parametrize("amount", [Money(500, "JPY"), Money(12_340, "KWD"), Money(7, "UGX")])
async def test_amounts_come_back_as_they_were_sent(house: Any, amount: Money) -> None:
    method = await house.saved()

    outcome = await house.gateway.charge(uuid4(), method, amount, text="x", key=str(amount))

    assert isinstance(outcome, Succeeded)
    assert outcome.captured == amount


async def test_amounts_that_are_never_charged_are_refused(house: Any) -> None:
    method, codes = await house.saved(), []
    for amount in (Money(12_345, "KWD"), Money(150, "ISK"), Money(49, "EUR"), Money(10**9, "EUR")):
        with pytest.raises(ProviderRefused) as refused:
            await house.gateway.charge(uuid4(), method, amount, text="x", key=str(amount))
        codes.append(refused.value.code)

    assert codes == ["amount_not_chargeable"] * 2 + ["amount_too_small", "amount_too_large"]
    assert await house.intents_of(method) == []


async def test_a_page_with_a_credit_shows_the_sum(house: Any) -> None:
    lines = [PageLine("Pro", Money(3000, "EUR")), PageLine("Rest of Plus", Money(-1001, "EUR"))]
    _, reference = await house.bought(lines=lines)

    state = await house.gateway.page(reference)

    assert isinstance(state.outcome, Succeeded)
    assert state.outcome.captured == PRICE


async def test_who_is_forgotten_is_gone_with_their_cards_and_a_repeat_is_no_error(
    house: Any,
) -> None:
    card = await house.saved()

    for key in ("r", "r", "s"):
        await house.gateway.forget_customer(card.customer, key=key)

    assert (await house.twin.v1.customers.retrieve_async(card.customer)).deleted
    with pytest.raises(ProviderRefused):
        await house.gateway.checkout_page(await house.order(customer=card.customer), key="t")


async def test_a_card_is_let_go_of_once_and_is_then_nobodys(house: Any) -> None:
    account_id = uuid4()
    customer = await house.gateway.customer(account_id, "di@example.org", "Di", key=str(account_id))
    made = await house.twin.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})

    for key in ("u", "u", "v"):
        await house.gateway.forget_method(made.id, key=key)
    await house.gateway.forget_method("pm_unknown", key="w")

    assert (await house.twin.v1.payment_methods.retrieve_async(made.id)).customer is None
