"""From a plan in the catalogue to what a subscriber agrees to: used by checkout, upgrade, preview.

A subscriber keeps the terms that they agreed to. Only a price version that names a date for
existing subscribers reaches them, and not before that date.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from common.problems import Conflict, Invalid, NotFound

from billing.category_tree import Tree, single_in
from billing.plan_details import PlanDetails, PriceVersion, current_price
from billing.terms import PlanTerms, Term


class PlanUnknown(NotFound):
    """There is no such plan."""

    code = "plan_unknown"
    detail = "There is no such plan."


class PlanRetired(Conflict):
    """The plan is not offered any more."""

    code = "plan_retired"
    detail = "This plan is not offered any more. Choose another."


class CurrencyNotOffered(Invalid):
    """The plan has no price in the currency that was asked for."""

    code = "currency_not_offered"
    detail = "This plan has no price in that currency."


@dataclass(frozen=True, slots=True)
class CataloguePlan:
    """A plan as the catalogue has it, with all the prices that it ever had."""

    plan_id: UUID
    slug: str
    family: str
    term: Term
    details: PlanDetails
    prices: tuple[PriceVersion, ...]
    categories: tuple[UUID, ...]
    retired_at: datetime | None = None


def terms_of(plan: CataloguePlan | None, currency: str, tree: Tree) -> PlanTerms:
    """What a new subscriber agrees to now.

    Raises `PlanUnknown`, `PlanRetired`, `CurrencyNotOffered`.
    """
    if plan is None:
        raise PlanUnknown
    if plan.retired_at is not None:
        raise PlanRetired
    price = current_price(plan.prices, currency)
    if price is None:
        raise CurrencyNotOffered
    details = plan.details
    return PlanTerms(
        plan_id=plan.plan_id,
        slug=plan.slug,
        name=details.name,
        price_version=price.version,
        price=price.price,
        tax=price.tax,
        term=plan.term,
        family=plan.family,
        trial_days=details.trial_days,
        trial_needs_method=details.trial_needs_method,
        single_in=single_in(tree, plan.categories),
        features=details.features,
        limits=details.limits,
    )


def terms_for_existing(
    agreed: PlanTerms, prices: tuple[PriceVersion, ...], at: datetime
) -> PlanTerms:
    """What a subscriber pays for a period that begins `at`, all else as it was agreed.

    The newest later version in their currency whose date for existing subscribers has come.
    """
    reached = [
        price
        for price in prices
        if price.version > agreed.price_version
        and price.price.currency == agreed.price.currency
        and price.existing_from is not None
        and price.existing_from <= at
    ]
    if not reached:
        return agreed
    newest = max(reached, key=lambda price: price.version)
    return replace(agreed, price_version=newest.version, price=newest.price, tax=newest.tax)
