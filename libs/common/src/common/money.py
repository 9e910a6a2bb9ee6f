"""Amounts: integer minor units with an ISO 4217 currency. There is no float anywhere near them."""

from collections.abc import Sequence
from dataclasses import dataclass

_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND"), 0
    ),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_USUAL_EXPONENT = 2


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were to be added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` in the currency's smallest unit: 1999 EUR is 19.99 euros, 1999 JPY is 1999 yen."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or isinstance(self.amount, bool):
            raise TypeError("an amount is an integer of minor units")
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isupper()):
            raise ValueError("a currency is three capital letters of ISO 4217")

    @property
    def exponent(self) -> int:
        """How many decimals its currency has: 0, 2 or 3."""
        return _EXPONENTS.get(self.currency, _USUAL_EXPONENT)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __str__(self) -> str:
        """With its decimals and without a locale: `19.99 EUR`."""
        whole, minor = divmod(abs(self.amount), 10**self.exponent)
        decimals = f".{minor:0{self.exponent}d}" if self.exponent else ""
        return f"{'-' if self.amount < 0 else ''}{whole}{decimals} {self.currency}"

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} is not {other.currency}")
        return other.amount


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split minor units in proportion to non-negative weights; the parts sum to the whole.

    By largest remainder, the earlier part first where remainders are equal. Negative amounts split
    as their opposite does. Raises `ValueError` without any weight.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("a split needs weights that are not negative, and one above zero")
    sign = -1 if amount < 0 else 1
    shares = [divmod(abs(amount) * weight, total) for weight in weights]
    parts = [whole for whole, _ in shares]
    left = abs(amount) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda n: (-shares[n][1], n))
    for n in by_remainder[:left]:
        parts[n] += 1
    return [sign * part for part in parts]


def divide_half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, a half away from zero. `denominator` > 0."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient
