"""From a plan to what a subscriber agrees to, and what reaches them of later prices."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from billing.catalogue import (
    CataloguePlan,
    CurrencyNotOffered,
    PlanRetired,
    PlanUnknown,
    terms_for_existing,
    terms_of,
)
from billing.category_tree import Node, is_single, single_in, stands_in_itself, tree_of
from billing.plan_details import PriceVersion
from billing.plans.examples import AT, DETAILS, EFFECTIVE, LATER, PLAN_ID
from billing.terms import Term
from common.money import Money
from hypothesis import given
from hypothesis import strategies as st

ROOT, CARDS, EXTRAS, LOOSE = (UUID(int=n) for n in range(1, 5))
TREE = tree_of(
    [
        Node(ROOT, None, is_single=True),
        Node(CARDS, ROOT, is_single=False),
        Node(EXTRAS, CARDS, is_single=True),
        Node(LOOSE, None, is_single=False),
    ]
)
EUROS = PriceVersion(1, Money(1200, "EUR"), "inclusive", None, AT)
DOLLARS = PriceVersion(2, Money(1300, "USD"), "exclusive", None, AT)
MORE_EUROS = PriceVersion(3, Money(1400, "EUR"), "inclusive", EFFECTIVE, LATER)
PLAN = CataloguePlan(
    plan_id=PLAN_ID,
    slug="pro-monthly",
    family="pro",
    term=Term("month"),
    details=DETAILS,
    prices=(EUROS, DOLLARS),
    categories=(CARDS,),
)


def test_a_new_subscriber_agrees_to_the_plan_as_it_is() -> None:
    terms = terms_of(PLAN, "EUR", TREE)

    assert (terms.price, terms.price_version, terms.tax) == (EUROS.price, 1, "inclusive")
    assert (terms.slug, terms.family, terms.term) == ("pro-monthly", "pro", Term("month"))
    assert (terms.trial_days, terms.features, terms.limits) == (
        *(14, DETAILS.features, DETAILS.limits),
    )
    assert terms.single_in == (ROOT,)


def test_the_newest_price_in_the_currency_holds_for_new_subscribers_at_once() -> None:
    repriced = replace(PLAN, prices=(*PLAN.prices, MORE_EUROS))

    assert terms_of(repriced, "EUR", TREE).price == MORE_EUROS.price
    assert terms_of(repriced, "USD", TREE).price == DOLLARS.price


def test_what_cannot_be_had_is_refused_by_name() -> None:
    with pytest.raises(PlanUnknown):
        terms_of(None, "EUR", TREE)
    with pytest.raises(PlanRetired):
        terms_of(replace(PLAN, retired_at=LATER), "EUR", TREE)
    with pytest.raises(CurrencyNotOffered):
        terms_of(PLAN, "CHF", TREE)


def test_a_later_price_reaches_a_subscriber_on_its_date_and_not_before() -> None:
    agreed = terms_of(PLAN, "EUR", TREE)
    prices = (*PLAN.prices, MORE_EUROS)
    before = EFFECTIVE - timedelta(microseconds=1)

    assert terms_for_existing(agreed, prices, before) == agreed
    reached = terms_for_existing(agreed, prices, EFFECTIVE)
    assert reached == replace(agreed, price=MORE_EUROS.price, price_version=3)


def test_a_price_without_a_date_reaches_nobody_who_has_subscribed() -> None:
    agreed = terms_of(PLAN, "EUR", TREE)
    never = replace(MORE_EUROS, existing_from=None)

    assert terms_for_existing(agreed, (*PLAN.prices, never), EFFECTIVE) == agreed


def test_a_price_in_another_currency_reaches_nobody() -> None:
    agreed = terms_of(PLAN, "USD", TREE)

    assert terms_for_existing(agreed, (*PLAN.prices, MORE_EUROS), EFFECTIVE) == agreed


def test_a_price_that_is_older_than_what_was_agreed_reaches_nobody() -> None:
    agreed = replace(terms_of(PLAN, "EUR", TREE), price_version=4, price=Money(1600, "EUR"))

    assert terms_for_existing(agreed, (*PLAN.prices, MORE_EUROS), EFFECTIVE) == agreed


def test_children_inherit_that_there_is_one_plan_at_most() -> None:
    assert [is_single(TREE, id) for id in (ROOT, CARDS, EXTRAS, LOOSE)] == [
        *(True, True, True, False)
    ]
    assert single_in(TREE, [EXTRAS]) == (ROOT, EXTRAS)
    assert single_in(TREE, [LOOSE]) == ()
    assert single_in(TREE, [LOOSE, CARDS, EXTRAS, UUID(int=99)]) == (ROOT, EXTRAS)


few = st.integers(1, 6).map(lambda n: UUID(int=n))
trees = st.dictionaries(few, st.tuples(st.none() | few, st.booleans())).map(
    lambda found: tree_of(Node(id, parent, single) for id, (parent, single) in found.items())
)


@given(trees, st.lists(few, max_size=4))
def test_even_a_tree_with_a_circle_has_an_answer(tree: dict[UUID, Node], ids: list[UUID]) -> None:
    single = single_in(tree, ids)

    assert all(tree[id].is_single for id in single)
    assert bool(single) == any(is_single(tree, id) for id in ids)


def test_a_circle_is_seen_wherever_one_begins() -> None:
    circle = tree_of(
        [Node(ROOT, CARDS, False), Node(CARDS, ROOT, False), Node(EXTRAS, CARDS, True)]
    )

    assert all(stands_in_itself(circle, id) for id in circle)
    assert not any(stands_in_itself(TREE, id) for id in TREE)
    assert stands_in_itself(tree_of([Node(ROOT, ROOT, True)]), ROOT)
