"""The sums of an invoice: tax is rounded half up once per rate, over all that it is due on."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.money import Money, divide_half_up

from billing.documents import Line, TaxRate
from billing.terms import TaxBehaviour

WHOLE = 10_000
"""Basis points of a whole."""


@dataclass(frozen=True, slots=True)
class TaxSum:
    """What one rate comes to. `base` is without the tax."""

    rate: TaxRate
    behaviour: TaxBehaviour
    base: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Sums:
    """`net` + `tax` = `total` = the sum of `line_totals`, which stand in the order of the lines."""

    net: Money
    tax: Money
    total: Money
    taxes: tuple[TaxSum, ...]
    line_totals: tuple[Money, ...]


def sums_of(lines: Sequence[Line]) -> Sums:
    """The sums of at least one line. Raises `ValueError` without any, `CurrencyMismatch`."""
    if not lines:
        raise ValueError("an invoice has lines")
    nothing = Money(0, lines[0].amount.currency)
    running: dict[tuple[TaxRate, TaxBehaviour], Money] = {}
    line_totals = []
    for line in lines:
        # the tax of a line is what the rounded tax grows by with it, so the parts sum to the whole
        key = (line.rate, line.behaviour)
        before = running.get(key, nothing)
        after = running[key] = before + line.amount
        added = _tax(after, *key) - _tax(before, *key)
        line_totals.append(line.amount + added if line.behaviour == "exclusive" else line.amount)
    taxes = tuple(_tax_sum(summed, *key) for key, summed in running.items())
    net = sum((one.base for one in taxes), nothing)
    tax = sum((one.tax for one in taxes), nothing)
    return Sums(net, tax, net + tax, taxes, tuple(line_totals))


def within(amount: Money, behaviour: TaxBehaviour, rate: TaxRate, less: int) -> int:
    """What is left of an amount, in its own terms, where so much with the tax is taken off: of what
    the tax comes on top of, the most that is not above the rest with its tax. Minor units."""
    if behaviour == "inclusive":
        return amount.amount - less
    rest = amount.amount + _tax(amount, rate, behaviour).amount - less
    # n with its tax, rounded half up, is at most the rest: 2n (whole + rate) < (2 rest + 1) whole
    return ((2 * rest + 1) * WHOLE - 1) // (2 * (WHOLE + rate.basis_points))


def _tax_sum(summed: Money, rate: TaxRate, behaviour: TaxBehaviour) -> TaxSum:
    tax = _tax(summed, rate, behaviour)
    return TaxSum(rate, behaviour, summed - tax if behaviour == "inclusive" else summed, tax)


def _tax(summed: Money, rate: TaxRate, behaviour: TaxBehaviour) -> Money:
    whole = WHOLE + rate.basis_points if behaviour == "inclusive" else WHOLE
    return Money(divide_half_up(summed.amount * rate.basis_points, whole), summed.currency)
