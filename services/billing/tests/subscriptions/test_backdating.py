"""A subscription that counts from an earlier day: its periods follow from that day alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from billing.periods import number_at, period
from billing.subscription_rules.backdating import EARLIEST, StartAhead, StartTooEarly, TrialOver
from billing.subscription_rules.states import Active, Trialing
from billing.subscriptions.commands import ActivateSubscription, GrantPeriod, StartTrial
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import (
    AT,
    BACKDATED,
    CREATE,
    CREATED,
    INVOICE_ID,
    LATER,
    PAID,
    TERMS,
    TRIAL_STARTED,
    WHO,
)
from billing.terms import Term
from common.money import Money
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

subscription = Scenario(SUBSCRIPTION)
EARLIER = BACKDATED.anchor  # 22 December
TRIAL = replace(CREATE, trial=True, secured=True, invoice_id=None)
terms = st.builds(Term, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12))


def test_an_order_that_counts_from_before_says_so() -> None:
    subscription.given().when(replace(CREATE, anchor=EARLIER)).then(CREATED, BACKDATED)
    subscription.given().when(replace(CREATE, anchor=AT)).then(CREATED)


def test_it_neither_begins_in_the_future_nor_before_all_subscriptions() -> None:
    ahead, ago = AT + timedelta(minutes=6), AT - EARLIEST - timedelta(seconds=1)
    subscription.given().when(replace(CREATE, anchor=ahead)).then_refused(StartAhead)
    subscription.given().when(replace(CREATE, anchor=ago)).then_refused(StartTooEarly)
    slow_clock = replace(CREATE, anchor=AT + timedelta(minutes=4))
    subscription.given().when(slow_clock).then(CREATED)


@pytest.mark.parametrize("how", ["paid", "granted"])
def test_it_begins_with_the_period_that_this_moment_falls_into(how: str) -> None:
    paid = ActivateSubscription(INVOICE_ID, PAID, LATER)  # 10 February
    command = paid if how == "paid" else GrantPeriod(LATER)
    before = (CREATED, BACKDATED)

    after = SUBSCRIPTION.fold([*before, *SUBSCRIPTION.decide(command, SUBSCRIPTION.fold(before))])
    assert isinstance(after, Active)
    span = after.live.span
    assert (span.number, span.starts_at.day, span.starts_at.month) == (1, 22, 1)
    assert (span.ends_at.day, span.ends_at.month) == (22, 2)
    if after.live.paid is not None:
        assert (after.live.paid.starts_at, after.live.paid.ends_at) == (
            span.starts_at,
            span.ends_at,
        )


def test_what_is_free_begins_at_once_within_its_period() -> None:
    free = replace(TERMS, price=Money(0, "EUR"))
    create = replace(CREATE, terms=free, invoice_id=None, anchor=EARLIER)

    state = SUBSCRIPTION.fold(SUBSCRIPTION.decide(create, SUBSCRIPTION.initial))

    assert isinstance(state, Active)
    assert (state.live.span.anchor, state.live.span.number) == (EARLIER, 1)


def test_a_trial_counts_from_before_too_while_any_of_it_is_left() -> None:
    week_ago = AT - timedelta(days=7)
    some = replace(BACKDATED, anchor=week_ago)
    begun = replace(TRIAL_STARTED, started_at=week_ago, ends_at=AT + timedelta(days=7))
    created = replace(CREATED, trial=True, invoice_id=None)

    subscription.given().when(replace(TRIAL, anchor=week_ago)).then(created, some, begun)
    subscription.given().when(replace(TRIAL, anchor=EARLIER)).then_refused(TrialOver)
    subscription.given().when(replace(TRIAL, anchor=EARLIER, secured=False)).then_refused(TrialOver)


def test_a_trial_that_is_secured_too_late_for_its_day_begins_then() -> None:
    ordered = (replace(CREATED, trial=True, invoice_id=None), BACKDATED)

    begun = SUBSCRIPTION.decide(StartTrial(LATER), SUBSCRIPTION.fold(ordered))
    state = SUBSCRIPTION.fold([*ordered, *begun])

    assert isinstance(state, Trialing)
    assert (state.live.span.starts_at, state.live.agreement.account_id) == (LATER, WHO[1])


@given(terms, st.integers(0, 400_000_000), st.integers(0, 40_000_000))
def test_a_moment_falls_into_the_period_that_is_counted_for_it(
    term: Term, later: int, anchor: int
) -> None:
    start = datetime(2024, 1, 31, 12, tzinfo=UTC) + timedelta(seconds=anchor)
    at = start + timedelta(seconds=later)

    begins_at, ends_at = period(start, term, number_at(start, term, at))

    assert begins_at <= at < ends_at
