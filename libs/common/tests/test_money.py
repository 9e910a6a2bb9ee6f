"""No cent is created or lost, and no two currencies meet."""

import pytest
from common.money import CurrencyMismatch, Money, allocate, divide_half_up
from hypothesis import given
from hypothesis import strategies as st

WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)


@given(st.integers(-(10**12), 10**12), WEIGHTS)
def test_parts_sum_to_the_whole_and_none_is_a_unit_off(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)

    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


def test_what_is_left_over_goes_to_the_largest_remainders_first() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]
    assert allocate(5, [0, 3, 7]) == [0, 2, 3]


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]])
def test_a_split_without_weight_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(1, weights)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding_is_to_the_nearest_and_symmetric(numerator: int, denominator: int) -> None:
    quotient = divide_half_up(numerator, denominator)

    assert 2 * abs(quotient * denominator - numerator) <= denominator
    assert divide_half_up(-numerator, denominator) == -quotient


def test_a_half_goes_away_from_zero() -> None:
    assert [divide_half_up(n, 2) for n in (1, 3, -1, -3)] == [1, 2, -1, -2]


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1999, "EUR"), "19.99 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(1999, "JPY"), "1999 JPY"),
        (Money(1999, "KWD"), "1.999 KWD"),
    ],
)
def test_each_currency_has_its_own_decimals(money: Money, text: str) -> None:
    assert str(money) == text


def test_currencies_do_not_mix_and_amounts_are_whole() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(TypeError):
        Money(1.5, "EUR")  # type: ignore[arg-type] # what a careless caller does
    with pytest.raises(ValueError, match="capital"):
        Money(1, "eur")
