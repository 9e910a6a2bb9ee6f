"""Which tax applies to a customer at a moment, and what it makes of a price. Pure.

We sell electronic services: they are taxed where a private customer lives, and for a business in
another member state of the Union by that business itself (reverse charge).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from common.money import Money, divide_half_up

from billing.tax_rates import EU, RATES, REGION_NAMES, TaxRate
from billing.terms import TaxBehaviour

WHOLE = 10_000
"""Basis points in one."""

Reason = Literal["standard", "reverse_charge", "not_taxed"]

REVERSE_CHARGE = (
    "Reverse charge: VAT is due from the recipient (article 196, Directive 2006/112/EC)"
)


@dataclass(frozen=True, slots=True)
class TaxedPerson:
    """What of a customer decides about tax. Without a country they are taxed as at the seller's.

    `region` is as the customer wrote it, or an ISO 3166-2 code.
    """

    country: str | None = None
    region: str | None = None
    vat_number: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedTax:
    """A rate in basis points, for which place, why, and what the invoice must say about it."""

    basis_points: int
    country: str
    region: str | None
    reason: Reason
    note: str | None = None


def tax_for(person: TaxedPerson, seller_country: str, at: datetime) -> AppliedTax:
    """The tax on what is supplied to this customer at this moment.

    Where we know no rate there is none to collect: `not_taxed`.
    """
    country = person.country or seller_country
    region = _region(country, person.region)
    if is_reverse_charged(person, seller_country):
        return AppliedTax(0, country, None, "reverse_charge", REVERSE_CHARGE)
    rate = _rate(country, region, at)
    if rate is None or rate.basis_points == 0:
        return AppliedTax(0, country, region, "not_taxed")
    return AppliedTax(rate.basis_points, country, rate.region, "standard")


def is_reverse_charged(person: TaxedPerson, seller_country: str) -> bool:
    """Whether a business of another member state, with a VAT number that can be one of that state,
    owes the tax itself."""
    country, number = person.country, person.vat_number
    if country is None or number is None or country == seller_country or country not in EU:
        return False
    from stdnum.eu import vat  # noqa: PLC0415 (1 MB at rest, with pydoc, for businesses abroad only)

    prefix = "EL" if country == "GR" else country
    return number.upper().startswith(prefix) and bool(vat.is_valid(number))


@dataclass(frozen=True, slots=True)
class TaxedPrice:
    """A price taken apart: `net` + `tax` = `gross`."""

    net: Money
    tax: Money
    gross: Money


def taxed(price: Money, behaviour: TaxBehaviour, basis_points: int) -> TaxedPrice:
    """What a price is without and with tax, the tax rounded half up to the minor unit."""
    if behaviour == "inclusive":
        part = divide_half_up(price.amount * basis_points, WHOLE + basis_points)
        tax = Money(part, price.currency)
        return TaxedPrice(price - tax, tax, price)
    tax = Money(divide_half_up(price.amount * basis_points, WHOLE), price.currency)
    return TaxedPrice(price, tax, price + tax)


def _region(country: str, written: str | None) -> str | None:
    """The code of a region with a rate of its own, if that is what was written."""
    text = (written or "").strip().casefold()
    for code, names in REGION_NAMES.items():
        if code.startswith(country) and text in (code.casefold(), *names):
            return code
    return None


def _rate(country: str, region: str | None, at: datetime) -> TaxRate | None:
    day = at.astimezone(UTC).date()
    for wanted in dict.fromkeys((region, None)):
        for rate in RATES:
            begun = rate.valid_from <= day
            ended = rate.valid_to is not None and rate.valid_to <= day
            if (rate.country, rate.region) == (country, wanted) and begun and not ended:
                return rate
    return None
