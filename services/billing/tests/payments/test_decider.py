"""A payment: what says most wins, in whatever order and however often it is said."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.payment_provider import (
    Declined,
    NotAttempted,
    Outcome,
    Pending,
    Succeeded,
    Unknown,
)
from billing.payments.commands import RecordOutcome
from billing.payments.decider import PAYMENT
from billing.payments.examples import (
    AMOUNT,
    DECLINED,
    HELD,
    LATER,
    NOT_ATTEMPTED,
    PENDING,
    START,
    STARTED,
    SUCCEEDED,
    UNKNOWN,
)
from common.money import Money
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

payment = Scenario(PAYMENT)


def said(outcome: Outcome, hold: str | None = None) -> RecordOutcome:
    return RecordOutcome(outcome, hold, LATER)


def test_an_attempt_is_written_down_once_with_its_key() -> None:
    payment.given().when(START).then(STARTED)
    payment.given(STARTED).when(START).then()


def test_money_that_moved_is_money_that_moved() -> None:
    done = said(Succeeded("pi_1", AMOUNT))
    payment.given(STARTED).when(done).then(SUCCEEDED)
    payment.given(STARTED, DECLINED).when(done).then(SUCCEEDED)
    payment.given(STARTED, SUCCEEDED).when(done).then()
    payment.given(STARTED, SUCCEEDED).when(said(Declined("pi_1", "x", True))).then()


def test_another_amount_or_currency_is_held() -> None:
    payment.given(STARTED).when(said(Succeeded("pi_1", Money(1199, "EUR")))).then(HELD)
    dollars = said(Succeeded("pi_1", Money(1200, "USD")))
    assert PAYMENT.decide(dollars, PAYMENT.fold([STARTED]))[0].reason == "wrong_amount"  # type: ignore[union-attr]


def test_what_a_customer_leaves_pending_is_asked_about_daily_and_not_for_ever_at_once() -> None:
    still = Pending("pi_1", PENDING.action_url)
    tomorrow = PENDING.ask_at
    again = replace(PENDING, ask_at=tomorrow + timedelta(days=1), noted_at=tomorrow)

    payment.given(STARTED, PENDING).when(said(still)).then()
    payment.given(STARTED, PENDING).when(RecordOutcome(still, None, tomorrow)).then(again)


def test_unknown_is_asked_again_after_minutes_an_hour_and_days_and_never_failed() -> None:
    waits, history = [], [STARTED]
    for _ in range(4):
        (event,) = PAYMENT.decide(said(Unknown(None)), PAYMENT.fold(history))
        waits.append(event.ask_at - LATER)  # type: ignore[union-attr]
        history.append(event)  # type: ignore[arg-type]

    assert waits == [
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(days=1),
        timedelta(days=1),
    ]


def test_each_outcome_is_a_fact() -> None:
    payment.given(STARTED).when(said(Unknown(None))).then(UNKNOWN)
    payment.given(STARTED).when(said(Pending("pi_1", PENDING.action_url))).then(PENDING)
    payment.given(STARTED).when(said(Declined("pi_1", "insufficient_funds", False))).then(DECLINED)
    gone = PAYMENT.decide(said(NotAttempted(None, "page_expired")), PAYMENT.fold([STARTED]))
    assert (type(gone[0]), gone[0].code) == (type(NOT_ATTEMPTED), "page_expired")  # type: ignore[union-attr]


outcomes = st.lists(
    st.sampled_from(
        [
            Succeeded("pi_1", AMOUNT),
            Pending("pi_1"),
            Declined("pi_1", "insufficient_funds", False),
            NotAttempted("pi_1", "page_expired"),
            Unknown("pi_1"),
        ]
    ),
    min_size=1,
    max_size=8,
)


@given(outcomes, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_outcomes_ends_the_same(
    told: list[Outcome], chance: Any
) -> None:
    other = [*told, *chance.choices(told, k=len(told))]
    chance.shuffle(other)

    assert type(_after(told)) is type(_after(other))


def _after(told: list[Outcome]) -> object:
    state = PAYMENT.fold([STARTED])
    for outcome in told:
        state = PAYMENT.fold(PAYMENT.decide(said(outcome), state), state)
    return state
