"""What somebody may do, from all that they have subscribed to: one merged answer."""

from collections.abc import Iterable
from dataclasses import dataclass

from billing.terms import PlanTerms


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Features and plans in alphabetical order; of each limit the largest that any plan gives."""

    features: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    plans: tuple[str, ...] = ()


def merged(live: Iterable[PlanTerms]) -> Entitlements:
    """What the terms of all live subscriptions give together."""
    features: set[str] = set()
    plans: set[str] = set()
    limits: dict[str, int] = {}
    for terms in live:
        features.update(terms.features)
        plans.add(terms.slug)
        for name, number in terms.limits:
            limits[name] = max(number, limits.get(name, number))
    return Entitlements(
        tuple(sorted(features)), tuple(sorted(limits.items())), tuple(sorted(plans))
    )
