"""A plan: done, refused, repeated; and a price that was set stands for ever."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from billing.plan_details import NewPrice, current_price
from billing.plans.commands import PlanCommand, SetPlanPrices
from billing.plans.decider import (
    PLAN,
    CurrencyTwice,
    EffectiveDatePast,
    Plan,
    PlanExists,
    PriceNegative,
)
from billing.plans.events import PlanPriceSet
from billing.plans.examples import (
    AT,
    ATTACH,
    ATTACHED,
    CHANGE,
    CHANGED,
    CREATE,
    CREATED,
    DETACH,
    DETACHED,
    DOLLARS,
    EUROS,
    LATER,
    PLAN_ID,
    PRICED,
    PRICED_IN_DOLLARS,
    REACTIVATE,
    REACTIVATED,
    REPRICED,
    RETIRE,
    RETIRED,
    SET_PRICE,
)
from common.money import Money
from common.problems import NotFound
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

plan = Scenario(PLAN)
made = (CREATED, PRICED, PRICED_IN_DOLLARS)


def test_a_plan_is_created_with_a_price_a_currency() -> None:
    plan.given().when(CREATE).then(*made)


def test_a_plan_is_created_once() -> None:
    plan.given(*made).when(CREATE).then_refused(PlanExists)


def test_two_prices_in_one_currency_are_refused() -> None:
    twice = replace(CREATE, prices=(EUROS, replace(EUROS, price=Money(1, "EUR"))))
    plan.given().when(twice).then_refused(CurrencyTwice)


def test_nobody_is_paid_for_subscribing() -> None:
    negative = replace(CREATE, prices=(NewPrice(Money(-1, "EUR"), "inclusive"),))
    plan.given().when(negative).then_refused(PriceNegative)


def test_a_change_names_all_that_new_subscribers_get() -> None:
    plan.given(*made).when(CHANGE).then(CHANGED)


def test_a_change_to_what_is_so_already_changes_nothing() -> None:
    plan.given(*made, CHANGED).when(CHANGE).then()


def test_a_new_price_is_a_further_version() -> None:
    plan.given(*made).when(SET_PRICE).then(REPRICED)


def test_the_price_that_holds_already_is_no_new_one() -> None:
    plan.given(*made).when(SetPlanPrices(PLAN_ID, (DOLLARS, EUROS), LATER)).then()
    plan.given(*made, REPRICED).when(SET_PRICE).then()


def test_a_price_takes_effect_for_existing_subscribers_in_the_future_only() -> None:
    for moment in (LATER, AT):
        late = SetPlanPrices(PLAN_ID, (replace(EUROS, existing_from=moment),), LATER)
        plan.given(*made).when(late).then_refused(EffectiveDatePast)


def test_a_plan_is_retired_and_offered_again() -> None:
    plan.given(*made).when(RETIRE).then(RETIRED)
    plan.given(*made, RETIRED).when(RETIRE).then()
    plan.given(*made, RETIRED).when(REACTIVATE).then(REACTIVATED)
    plan.given(*made).when(REACTIVATE).then()
    plan.given(*made, RETIRED, REACTIVATED).when(RETIRE).then(RETIRED)


def test_a_retired_plan_can_still_be_changed_for_whoever_has_it() -> None:
    plan.given(*made, RETIRED).when(SET_PRICE).then(REPRICED)
    plan.given(*made, RETIRED, REPRICED).when(SET_PRICE).then()


def test_a_plan_stands_in_a_category_once() -> None:
    plan.given(*made).when(ATTACH).then(ATTACHED)
    plan.given(*made, ATTACHED).when(ATTACH).then()
    plan.given(*made, ATTACHED).when(DETACH).then(DETACHED)
    plan.given(*made).when(DETACH).then()


@pytest.mark.parametrize(
    "command",
    [CHANGE, SET_PRICE, RETIRE, REACTIVATE, ATTACH, DETACH],
    ids=lambda command: type(command).__name__,
)
def test_there_is_nothing_to_ask_of_a_plan_that_does_not_exist(command: PlanCommand) -> None:
    plan.given().when(command).then_refused(NotFound)


prices = st.builds(
    NewPrice,
    st.builds(Money, st.integers(0, 10_000), st.sampled_from(["EUR", "USD", "JPY"])),
    st.sampled_from(["inclusive", "exclusive"]),
    st.none() | st.datetimes(LATER.replace(tzinfo=None)).map(lambda t: t.replace(tzinfo=AT.tzinfo)),
)


@given(st.lists(prices, max_size=12))
def test_no_price_that_was_ever_set_changes(wanted: list[NewPrice]) -> None:
    history: list[object] = list(made)
    now: datetime = AT
    for price in wanted:
        before = PLAN.fold(history)  # type: ignore[arg-type]
        assert isinstance(before, Plan)
        try:
            events = PLAN.decide(SetPlanPrices(PLAN_ID, (price,), now), before)
        except EffectiveDatePast:
            continue
        history += events
        after = PLAN.fold(history)  # type: ignore[arg-type]
        assert isinstance(after, Plan)
        assert after.prices[: len(before.prices)] == before.prices
        holds = current_price(after.prices, price.price.currency)
        assert holds is not None
        assert (holds.price, holds.tax) == (price.price, price.tax)
        now += timedelta(seconds=1)
    versions = [event.version for event in history if isinstance(event, PlanPriceSet)]
    assert versions == list(range(1, len(versions) + 1))
