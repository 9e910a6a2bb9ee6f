"""What a plan is made of: values that its events keep and its readers are shown."""

from dataclasses import dataclass
from datetime import datetime

from common.money import Money

from billing.terms import TaxBehaviour


@dataclass(frozen=True, slots=True)
class PlanDetails:
    """What may change for new subscribers at any time; those there are keep what they agreed to.

    `limits` are pairs of name and number, such as ("cards.max", 10), in the order of their names.
    """

    name: str
    description: str | None = None
    features: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    trial_days: int = 0
    trial_needs_method: bool = True
    sort_order: int = 0


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price that shall hold for new subscribers; from `existing_from` on for those there are,
    never if that is None."""

    price: Money
    tax: TaxBehaviour
    existing_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A price that was set. `version` counts all prices of a plan, in whichever currency."""

    version: int
    price: Money
    tax: TaxBehaviour
    existing_from: datetime | None
    set_at: datetime


def current_price(prices: tuple[PriceVersion, ...], currency: str) -> PriceVersion | None:
    """What new subscribers pay in this currency, if it is sold in it."""
    versions = [p for p in prices if p.price.currency == currency]
    return max(versions, key=lambda p: p.version, default=None)
