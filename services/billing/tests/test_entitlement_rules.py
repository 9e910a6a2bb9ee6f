"""What several subscriptions give together."""

from uuid import UUID

from billing.entitlement_rules import Entitlements, merged
from billing.terms import PlanTerms, Term
from common.money import Money
from hypothesis import given
from hypothesis import strategies as st


def terms(slug: str, features: list[str], limits: dict[str, int]) -> PlanTerms:
    return PlanTerms(
        plan_id=UUID(int=1),
        slug=slug,
        name=slug,
        price_version=1,
        price=Money(0, "EUR"),
        tax="inclusive",
        term=Term("month"),
        family=slug,
        features=tuple(features),
        limits=tuple(limits.items()),
    )


any_terms = st.builds(
    terms,
    st.sampled_from(["free", "pro", "team"]),
    st.lists(st.sampled_from(["handles", "statistics", "themes"]), max_size=3),
    st.dictionaries(st.sampled_from(["cards.max", "seats"]), st.integers(0, 100)),
)


def test_without_a_subscription_there_is_nothing() -> None:
    assert merged([]) == Entitlements()


def test_of_each_limit_the_largest_holds() -> None:
    both = [
        terms("team", ["themes"], {"cards.max": 5, "seats": 3}),
        terms("pro", ["themes", "handles"], {"cards.max": 10}),
    ]

    assert merged(both) == Entitlements(
        ("handles", "themes"), (("cards.max", 10), ("seats", 3)), ("pro", "team")
    )


@given(st.lists(any_terms, max_size=6), st.randoms())
def test_the_order_of_subscriptions_does_not_matter(live: list[PlanTerms], random: object) -> None:
    mixed = list(live)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert merged(mixed) == merged(live)
    assert merged([*live, *live]) == merged(live)


@given(st.lists(any_terms, min_size=1, max_size=6))
def test_nobody_loses_by_subscribing_to_more(live: list[PlanTerms]) -> None:
    few, all_of_them = merged(live[1:]), merged(live)

    assert set(few.features) <= set(all_of_them.features)
    assert all(dict(all_of_them.limits)[name] >= number for name, number in few.limits)
