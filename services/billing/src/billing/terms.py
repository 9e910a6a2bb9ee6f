"""What a subscriber agreed to: a plan's price version as it stood then, copied into the facts."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from common.money import Money

Interval = Literal["day", "week", "month", "year"]
TaxBehaviour = Literal["inclusive", "exclusive"]


@dataclass(frozen=True, slots=True)
class Term:
    """How long a period is: `count` calendar `interval`s."""

    interval: Interval
    count: int = 1


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """One price version of one plan in one currency, immutable.

    `single_in` are the categories in which a user has at most one live subscription. `family` says
    for which plans together a trial is granted once. A free plan's price is zero. `limits` are
    pairs of name and number, such as ("cards.max", 10).
    """

    plan_id: UUID
    slug: str
    name: str
    price_version: int
    price: Money
    tax: TaxBehaviour
    term: Term
    family: str
    trial_days: int = 0
    trial_needs_method: bool = True
    single_in: tuple[UUID, ...] = ()
    features: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to pay, ever."""
        return self.price.amount == 0
