"""Which tax applies to whom and when, and what it makes of a price."""

from datetime import UTC, datetime

import pytest
from billing.tax_rates import EU, RATES
from billing.taxes import REVERSE_CHARGE, TaxedPerson, tax_for, taxed
from common.money import Money
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def rate(country: str | None, region: str | None = None, at: datetime = NOW) -> int:
    return tax_for(TaxedPerson(country, region), "FR", at).basis_points


@pytest.mark.parametrize(
    ("country", "region", "expected"),
    [
        ("FR", None, 2000),
        ("DE", None, 1900),
        ("FI", None, 2550),
        ("CH", None, 810),
        ("PT", "Lisboa", 2300),
        ("PT", "Madeira", 2200),
        ("PT", "PT-20", 1600),
        ("ES", " Canarias ", 0),
        ("US", "CA", 0),
        (None, None, 2000),
    ],
)
def test_a_private_customer_is_taxed_where_they_live(
    country: str | None, region: str | None, expected: int
) -> None:
    assert rate(country, region) == expected


@pytest.mark.parametrize(
    ("country", "day", "before", "after"),
    [
        ("EE", datetime(2025, 7, 1, tzinfo=UTC), 2200, 2400),
        ("RO", datetime(2025, 8, 1, tzinfo=UTC), 1900, 2100),
        ("SK", datetime(2025, 1, 1, tzinfo=UTC), 2000, 2300),
    ],
)
def test_a_rate_changes_on_its_day(country: str, day: datetime, before: int, after: int) -> None:
    eve = day.replace(year=day.year - (day.month == 1), month=(day.month + 10) % 12 + 1, day=28)

    assert rate(country, at=eve) == before
    assert rate(country, at=day) == after


def test_a_business_in_another_member_state_owes_the_tax_itself() -> None:
    found = tax_for(TaxedPerson("DE", None, "DE136695976"), "FR", NOW)

    assert (found.basis_points, found.reason, found.note) == (0, "reverse_charge", REVERSE_CHARGE)


@pytest.mark.parametrize(
    ("country", "number", "why"),
    [
        ("FR", "FR40303265045", "the seller's own state"),
        ("DE", "DE136695977", "no number that can be"),
        ("DE", "FR40303265045", "another state's number"),
        ("CH", "CHE107787577", "not in the Union"),
        ("DE", "", "no number"),
        ("DE", "DE" * 50, "nonsense"),
    ],
)
def test_nobody_else_does(country: str, number: str, why: str) -> None:
    found = tax_for(TaxedPerson(country, None, number), "FR", NOW)

    assert found.reason == "standard", why
    assert found.basis_points > 0


def test_greek_numbers_begin_otherwise_than_greek_addresses() -> None:
    assert tax_for(TaxedPerson("GR", None, "EL094259216"), "FR", NOW).reason == "reverse_charge"


def test_every_member_state_has_one_rate_at_every_moment() -> None:
    for country in EU:
        rates = [r for r in RATES if r.country == country and r.region is None]
        ends = [r.valid_to for r in rates]
        assert ends[-1] is None
        assert ends[:-1] == [r.valid_from for r in rates[1:]]


prices = st.builds(Money, st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
points = st.integers(0, 10_000)


@given(prices, st.sampled_from(["inclusive", "exclusive"]), points)
def test_net_and_tax_are_the_whole_price(price: Money, behaviour: str, rate: int) -> None:
    parts = taxed(price, behaviour, rate)  # type: ignore[arg-type]

    assert parts.net + parts.tax == parts.gross
    assert price in (parts.net, parts.gross)


@given(prices, points)
def test_the_tax_is_the_nearest_whole_unit(price: Money, rate: int) -> None:
    parts = taxed(price, "exclusive", rate)

    assert abs(2 * (parts.tax.amount * 10_000 - price.amount * rate)) <= 10_000


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_a_customer_writes_there_is_an_answer(a: str, b: str, c: str) -> None:
    assert tax_for(TaxedPerson(a, b, c), "FR", NOW).basis_points in range(10_001)
