"""The standard rates of value added tax: data, with the source named. Nothing here is decided.

Sources, as published in July 2025: European Commission, "Taxes in Europe Database" and "VAT rates
applied in the Member States"; for GB HM Revenue & Customs, for CH and LI the Swiss Federal Tax
Administration, for NO Skatteetaten. Rates as they stood on 1 January 2024 and every change since.
Electronically supplied services, which is what we sell, take the standard rate everywhere.
"""

from dataclasses import dataclass
from datetime import date

FROM_THE_START = date(2024, 1, 1)

_MEMBER_STATES = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU = frozenset(_MEMBER_STATES.split())
"""The member states; Monaco is taxed as France is, and is no member."""


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate in basis points (1/100 of a percent), from a day on and up to another, not including
    it. `region` is an ISO 3166-2 subdivision where another rate than the country's applies."""

    country: str
    basis_points: int
    valid_from: date = FROM_THE_START
    valid_to: date | None = None
    region: str | None = None


_UNCHANGED = {
    **{"AT": 2000, "BE": 2100, "BG": 2000, "CH": 810, "CY": 1900, "CZ": 2100, "DE": 1900},
    **{"DK": 2500, "ES": 2100, "FR": 2000, "GB": 2000, "GP": 850, "GR": 2400, "HR": 2500},
    **{"HU": 2700, "IE": 2300, "IT": 2200, "LI": 810, "LT": 2100, "LU": 1700, "LV": 2100},
    **{"MC": 2000, "MQ": 850, "MT": 1800, "NL": 2100, "NO": 2500, "PL": 2300, "PT": 2300},
    **{"RE": 850, "SE": 2500, "SI": 2200},
}


def _changed(country: str, before: int, day: date, after: int) -> tuple[TaxRate, TaxRate]:
    return TaxRate(country, before, valid_to=day), TaxRate(country, after, valid_from=day)


RATES: tuple[TaxRate, ...] = (
    *(TaxRate(country, basis_points) for country, basis_points in _UNCHANGED.items()),
    *_changed("EE", 2200, date(2025, 7, 1), 2400),
    *_changed("FI", 2400, date(2024, 9, 1), 2550),
    *_changed("RO", 1900, date(2025, 8, 1), 2100),
    *_changed("SK", 2000, date(2025, 1, 1), 2300),
    TaxRate("PT", 1600, region="PT-20"),  # Azores
    TaxRate("PT", 2200, region="PT-30"),  # Madeira
    TaxRate("ES", 0, region="ES-CN"),  # the Canary Islands, Ceuta and Melilla are not in the VAT
    TaxRate("ES", 0, region="ES-CE"),  # territory of the Union: Directive 2006/112/EC, article 6
    TaxRate("ES", 0, region="ES-ML"),
)

REGION_NAMES = {
    "PT-20": ("açores", "azores", "região autónoma dos açores"),
    "PT-30": ("madeira", "região autónoma da madeira"),
    "ES-CN": ("canarias", "islas canarias", "canary islands", "las palmas"),
    "ES-CE": ("ceuta",),
    "ES-ML": ("melilla",),
}
"""How people write the regions that matter here, in small letters."""
