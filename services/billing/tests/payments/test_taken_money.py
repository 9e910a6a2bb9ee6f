"""Money that moved: accepted or refunded where it was held, and disputed by banks."""

from dataclasses import replace

import pytest
from billing.payments.commands import AcceptHeld, PaymentCommand
from billing.payments.decider import PAYMENT, Held, NothingTaken, Succeeded
from billing.payments.examples import (
    ACCEPT,
    ACCEPTED,
    AMOUNT,
    DECLINED,
    DISPUTE,
    DISPUTED,
    HELD,
    HELD_MUCH,
    LATER,
    LOST,
    MUCH,
    OVER,
    PAYMENT_ID,
    REFUND,
    REFUND_DONE,
    REFUND_FAILED,
    REFUND_REQUESTED,
    REFUND_SENT,
    REFUNDED,
    STARTED,
    SUCCEEDED,
    WON,
)
from billing.taken_money import AmountNotCovered, DisputeOpen, PaymentNotHeld
from common.money import Money
from common.problems import Refusal
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

payment = Scenario(PAYMENT)
ALL_OF_IT = replace(REFUND_REQUESTED, amount=MUCH, reason="requested_by_customer")


def test_what_covers_its_invoice_is_accepted_once_and_the_rest_goes_back() -> None:
    payment.given(STARTED, HELD_MUCH).when(ACCEPT).then(ACCEPTED, REFUND_REQUESTED)
    payment.given(STARTED, HELD_MUCH, ACCEPTED, REFUND_REQUESTED).when(ACCEPT).then()
    exactly = AcceptHeld(ACCEPT.refund_id, MUCH, LATER)
    nothing_over = replace(ACCEPTED, amount=MUCH, over=Money(0, "EUR"))
    payment.given(STARTED, HELD_MUCH).when(exactly).then(nothing_over)


def test_too_little_or_another_currency_does_not_pay_an_invoice() -> None:
    payment.given(STARTED, HELD).when(ACCEPT).then_refused(AmountNotCovered)
    dollars = replace(HELD, captured=Money(1500, "USD"))
    payment.given(STARTED, dollars).when(ACCEPT).then_refused(AmountNotCovered)


def test_what_is_held_is_refunded_once() -> None:
    payment.given(STARTED, HELD_MUCH).when(REFUND).then(ALL_OF_IT)
    payment.given(STARTED, HELD_MUCH, ALL_OF_IT).when(REFUND).then()
    other = replace(REFUND, refund_id=PAYMENT_ID)
    payment.given(STARTED, HELD_MUCH, ALL_OF_IT).when(other).then_refused(PaymentNotHeld)
    payment.given(STARTED, HELD_MUCH, ALL_OF_IT).when(ACCEPT).then_refused(PaymentNotHeld)


def test_only_held_money_is_accepted_or_refunded_here() -> None:
    payment.given(STARTED, SUCCEEDED).when(REFUND).then_refused(PaymentNotHeld)
    for history in ((STARTED,), (STARTED, DECLINED)):
        for command in (REFUND, ACCEPT, REFUND_DONE):
            payment.given(*history).when(command).then_refused(PaymentNotHeld)


def test_a_refund_that_failed_is_held_again() -> None:
    failed = replace(REFUND_FAILED, amount=MUCH)
    again = replace(REFUND, refund_id=PAYMENT_ID)
    history = (STARTED, HELD_MUCH, ALL_OF_IT, failed)
    payment.given(*history).when(again).then(replace(ALL_OF_IT, refund_id=PAYMENT_ID))


def test_what_the_provider_says_of_a_refund_is_noted_once_also_of_one_made_there() -> None:
    requested = (STARTED, HELD_MUCH, ACCEPTED, REFUND_REQUESTED)
    payment.given(*requested).when(REFUND_DONE).then(REFUND_SENT, REFUNDED)
    payment.given(*requested, REFUND_SENT, REFUNDED).when(REFUND_DONE).then()
    broken = replace(REFUND_DONE, status="failed")
    payment.given(*requested, REFUND_SENT).when(broken).then(REFUND_FAILED)
    payment.given(STARTED, HELD_MUCH).when(REFUND_DONE).then(
        REFUND_REQUESTED, REFUND_SENT, REFUNDED
    )
    too_much = replace(REFUND_DONE, amount=MUCH + OVER)
    payment.given(STARTED, HELD_MUCH).when(too_much).then_refused(PaymentNotHeld)


def test_a_dispute_is_noted_and_decided_once_in_whatever_order_it_is_heard_of() -> None:
    won, lost = replace(DISPUTE, status="won"), replace(DISPUTE, status="lost")
    payment.given(STARTED, SUCCEEDED).when(DISPUTE).then(DISPUTED)
    payment.given(STARTED, SUCCEEDED).when(won).then(DISPUTED, WON)
    for command in (DISPUTE, won, lost):
        payment.given(STARTED, SUCCEEDED, DISPUTED, LOST).when(command).then()
    payment.given(STARTED).when(DISPUTE).then_refused(NothingTaken)


def test_held_money_that_a_bank_disputes_waits_and_is_gone_when_it_is_lost() -> None:
    disputed = (STARTED, HELD_MUCH, replace(DISPUTED, amount=MUCH))
    payment.given(*disputed).when(REFUND).then_refused(DisputeOpen)
    payment.given(*disputed).when(ACCEPT).then_refused(DisputeOpen)
    payment.given(*disputed, WON).when(REFUND).then(ALL_OF_IT)
    payment.given(*disputed, replace(LOST, amount=MUCH)).when(REFUND).then_refused(PaymentNotHeld)


commands = st.lists(
    st.one_of(
        st.builds(AcceptHeld, st.uuids(), st.just(AMOUNT), st.just(LATER)),
        st.builds(replace, st.just(REFUND), refund_id=st.uuids()),
        st.builds(
            replace,
            st.just(REFUND_DONE),
            refund_id=st.sampled_from([REFUND.refund_id, PAYMENT_ID]),
            amount=st.integers(1, 2000).map(lambda n: Money(n, "EUR")),
            status=st.sampled_from(["pending", "succeeded", "failed"]),
        ),
        st.builds(
            replace,
            st.just(DISPUTE),
            reference=st.sampled_from(["dp_1", "dp_2"]),
            status=st.sampled_from(["open", "won", "lost"]),
        ),
    ),
    max_size=10,
)


@given(commands)
def test_whatever_is_decided_no_more_is_kept_or_given_back_than_came_in(
    wishes: list[PaymentCommand],
) -> None:
    state = PAYMENT.fold([STARTED, HELD_MUCH])
    for wish in wishes:
        try:
            events = PAYMENT.decide(wish, state)
        except Refusal:
            continue
        state = PAYMENT.fold(events, state)
        assert PAYMENT.decide(wish, state) == []
    assert isinstance(state, Held | Succeeded)
    back = sum(one.amount.amount for one in state.taken.refunds if one.status != "failed")
    assert 0 <= state.taken.kept.amount + back <= MUCH.amount
    assert state.taken.left.amount <= MUCH.amount - state.taken.kept.amount - back


@pytest.mark.parametrize("event", [ACCEPTED, REFUNDED, DISPUTED])
def test_whose_money_it_is_stands_in_every_fact(event: object) -> None:
    assert vars(event)["account_id"] == STARTED.account_id
