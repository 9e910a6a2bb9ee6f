"""What may be asked of a plan, by administrators."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.plan_details import NewPrice, PlanDetails
from billing.terms import Term


@dataclass(frozen=True)
class CreatePlan:
    """Offer a plan, in one price a currency."""

    plan_id: UUID
    slug: str
    family: str
    term: Term
    details: PlanDetails
    prices: tuple[NewPrice, ...]
    now: datetime


@dataclass(frozen=True)
class ChangePlan:
    """Set these fields of `PlanDetails`; what is not named stays."""

    plan_id: UUID
    changes: tuple[tuple[str, object], ...]
    now: datetime


@dataclass(frozen=True)
class SetPlanPrices:
    """Set the price in these currencies."""

    plan_id: UUID
    prices: tuple[NewPrice, ...]
    now: datetime


@dataclass(frozen=True)
class RetirePlan:
    """Offer the plan no more."""

    plan_id: UUID
    now: datetime


@dataclass(frozen=True)
class ReactivatePlan:
    """Offer a retired plan again."""

    plan_id: UUID
    now: datetime


@dataclass(frozen=True)
class AttachPlan:
    """Put the plan into a category that exists."""

    plan_id: UUID
    category_id: UUID
    now: datetime


@dataclass(frozen=True)
class DetachPlan:
    """Take the plan out of a category."""

    plan_id: UUID
    category_id: UUID
    now: datetime


PlanCommand = (
    CreatePlan | ChangePlan | SetPlanPrices | RetirePlan | ReactivatePlan | AttachPlan | DetachPlan
)
