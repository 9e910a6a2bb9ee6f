"""Periods, proration and the sums of invoices: no cent is made or lost, whatever the dates."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from billing.documents import Line, PaidPart, TaxRate
from billing.dunning import next_retry
from billing.invoice_arithmetic import sums_of
from billing.periods import boundary, period
from billing.proration import is_upgrade, quote, quote_of_another_term, rest_of
from billing.subscriptions.examples import DEARER, TERMS
from billing.terms import Term
from common.money import Money
from hypothesis import given
from hypothesis import strategies as st

JANUARY = datetime(2027, 1, 31, 12, tzinfo=UTC)
moments = st.integers(0, 600_000_000).map(lambda s: JANUARY + timedelta(seconds=s))
terms = st.builds(Term, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12))
amounts = st.integers(0, 10**12)
rates = st.builds(TaxRate, st.just("IE"), st.sampled_from([0, 550, 1900, 2000, 2300, 2700]))
lines = st.builds(
    Line,
    st.just(uuid4()),
    st.just("line"),
    st.builds(Money, st.integers(-(10**9), 10**9), st.just("EUR")),
    st.sampled_from(["inclusive", "exclusive"]),
    rates,
)


def test_the_31st_comes_back_after_a_short_month() -> None:
    ends = [boundary(JANUARY, Term("month"), n).day for n in range(1, 5)]

    assert ends == [28, 31, 30, 31]
    assert boundary(datetime(2024, 2, 29, tzinfo=UTC), Term("year"), 4).day == 29


@given(moments, terms, st.integers(0, 60))
def test_periods_follow_one_another_without_gap_or_overlap(
    anchor: datetime, term: Term, n: int
) -> None:
    (_, end), (start, later) = period(anchor, term, n), period(anchor, term, n + 1)

    assert end == start < later


@given(amounts, st.integers(1, 10**8), st.lists(st.integers(0, 10**8), max_size=6))
def test_however_a_period_is_cut_its_parts_sum_to_it(
    amount: int, seconds: int, cuts: list[int]
) -> None:
    price, end = Money(amount, "EUR"), JANUARY + timedelta(seconds=seconds)
    moments = [JANUARY, *(JANUARY + timedelta(seconds=c) for c in sorted(cuts)), end]

    left = [rest_of(price, JANUARY, end, moment).amount for moment in moments]

    assert (left[0], left[-1]) == (amount, 0)
    assert all(0 <= later <= earlier for earlier, later in pairwise(left))


@given(amounts, moments, st.integers(0, 10**7))
def test_no_credit_is_above_what_was_paid_nor_for_what_was_not(
    amount: int, now: datetime, ago: int
) -> None:
    start = now - timedelta(seconds=ago)
    paid = PaidPart(Money(amount, "EUR"), "inclusive", TaxRate("IE", 2300), start, start)
    paid = paid.over(start, start + timedelta(days=30))

    assert 0 <= quote(paid, paid.ends_at, start, DEARER, now).credit.amount <= amount
    assert quote(None, paid.ends_at, start, DEARER, now).credit.amount == 0
    assert quote_of_another_term(None, DEARER, now).charge == DEARER.price


@given(st.lists(lines, min_size=1, max_size=12))
def test_the_lines_sum_to_the_total_and_net_and_tax_do_too(some: list[Line]) -> None:
    sums = sums_of(some)

    assert sum(one.amount for one in sums.line_totals) == sums.total.amount
    assert (sums.net + sums.tax) == sums.total


def test_tax_is_rounded_half_up_once_for_each_rate() -> None:
    line = Line(uuid4(), "x", Money(10, "EUR"), "exclusive", TaxRate("IE", 500))

    assert sums_of([line]).tax.amount == 1  # 0.5
    assert sums_of([line, line, line]).tax.amount == 2  # 1.5, and not three times 1


def test_an_invoice_without_lines_has_no_sums() -> None:
    with pytest.raises(ValueError, match="has lines"):
        sums_of([])


def test_dearer_is_up_and_cheaper_is_down() -> None:
    assert is_upgrade(TERMS, DEARER)
    assert not is_upgrade(DEARER, TERMS)


@given(st.integers(1, 20))
def test_tries_end(failures: int) -> None:
    at = next_retry(JANUARY, failures, hard=False)

    assert (at is None) == (failures > 4)
    assert next_retry(JANUARY, failures, hard=True) is None
