"""What has happened to a plan. A price that was set once stands for ever; a new one is added."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from common.money import Money

from billing.plan_details import PlanDetails
from billing.terms import TaxBehaviour, Term


@dataclass(frozen=True)
class PlanCreated:
    """There is a plan. Its slug, its family and how long a period is never change."""

    type_name: ClassVar[str] = "billing.plan_created"

    plan_id: UUID
    slug: str
    family: str
    term: Term
    details: PlanDetails
    created_at: datetime


@dataclass(frozen=True)
class PlanChanged:
    """Whoever subscribes from now on gets this; `details` is all of it."""

    type_name: ClassVar[str] = "billing.plan_changed"

    plan_id: UUID
    details: PlanDetails
    changed_at: datetime


@dataclass(frozen=True)
class PlanPriceSet:
    """A price in one currency: at once for new subscribers, from `existing_from` on for others."""

    type_name: ClassVar[str] = "billing.plan_price_set"

    plan_id: UUID
    version: int
    price: Money
    tax: TaxBehaviour
    existing_from: datetime | None
    set_at: datetime


@dataclass(frozen=True)
class PlanRetired:
    """Nobody can subscribe any more; those who did go on."""

    type_name: ClassVar[str] = "billing.plan_retired"

    plan_id: UUID
    retired_at: datetime


@dataclass(frozen=True)
class PlanReactivated:
    """A retired plan is offered again."""

    type_name: ClassVar[str] = "billing.plan_reactivated"

    plan_id: UUID
    reactivated_at: datetime


@dataclass(frozen=True)
class PlanAttached:
    """The plan belongs to this category, beside others."""

    type_name: ClassVar[str] = "billing.plan_attached"

    plan_id: UUID
    category_id: UUID
    attached_at: datetime


@dataclass(frozen=True)
class PlanDetached:
    """The plan does not belong to this category any more."""

    type_name: ClassVar[str] = "billing.plan_detached"

    plan_id: UUID
    category_id: UUID
    detached_at: datetime


PlanEvent = (
    PlanCreated
    | PlanChanged
    | PlanPriceSet
    | PlanRetired
    | PlanReactivated
    | PlanAttached
    | PlanDetached
)
