"""What others may rely on of the catalogue, of customers and of what they are entitled to."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, assert_never
from uuid import UUID

from common.facts import Subject
from common.messages import PublishedEvent

from billing.categories import events as categories
from billing.customers import events as customers
from billing.entitlements import events as entitlements
from billing.plans import events as plans

CatalogueEvent = (
    plans.PlanEvent
    | categories.CategoryEvent
    | customers.CustomerEvent
    | entitlements.EntitlementsEvent
)


class PlanChanged(PublishedEvent):
    """A plan was made, says something else, costs something else or stands elsewhere."""

    type_name: ClassVar[str] = "billing.plan_changed.v1"

    plan_id: UUID
    changed_at: datetime


class PlanRetired(PublishedEvent):
    """Nobody can subscribe to this plan any more."""

    type_name: ClassVar[str] = "billing.plan_retired.v1"

    plan_id: UUID
    retired_at: datetime


class CategoryChanged(PublishedEvent):
    """A category of plans was made, is another one now, or is gone."""

    type_name: ClassVar[str] = "billing.plan_category_changed.v1"

    category_id: UUID
    changed_at: datetime


class PaymentMethodsChanged(PublishedEvent):
    """Somebody saved or removed a way to pay, or pays with another one."""

    type_name: ClassVar[str] = "billing.payment_methods_changed.v1"

    account_id: Subject
    changed_at: datetime


class EntitlementsChanged(PublishedEvent):
    """What an account may do from now on: features, of each limit the number, slugs of its plans.

    All of it: what is not named is not given any more.
    """

    type_name: ClassVar[str] = "billing.entitlements_changed.v1"

    account_id: Subject
    features: tuple[str, ...]
    limits: Mapping[str, int]
    plans: tuple[str, ...]
    changed_at: datetime


def publish_of_catalogue(fact: CatalogueEvent) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    if isinstance(fact, plans.PlanEvent):
        return _of_plan(fact)
    if isinstance(fact, categories.CategoryEvent):
        return _of_category(fact)
    if isinstance(fact, entitlements.EntitlementsEvent):
        return EntitlementsChanged(
            account_id=fact.account_id,
            features=fact.entitlements.features,
            limits=dict(fact.entitlements.limits),
            plans=fact.entitlements.plans,
            changed_at=fact.changed_at,
        )
    return _of_customer(fact)


def _of_plan(fact: plans.PlanEvent) -> PublishedEvent:
    id = fact.plan_id
    match fact:
        case plans.PlanCreated():
            return PlanChanged(plan_id=id, changed_at=fact.created_at)
        case plans.PlanChanged():
            return PlanChanged(plan_id=id, changed_at=fact.changed_at)
        case plans.PlanPriceSet():
            return PlanChanged(plan_id=id, changed_at=fact.set_at)
        case plans.PlanReactivated():
            return PlanChanged(plan_id=id, changed_at=fact.reactivated_at)
        case plans.PlanAttached():
            return PlanChanged(plan_id=id, changed_at=fact.attached_at)
        case plans.PlanDetached():
            return PlanChanged(plan_id=id, changed_at=fact.detached_at)
        case plans.PlanRetired():
            return PlanRetired(plan_id=id, retired_at=fact.retired_at)
        case _:
            assert_never(fact)


def _of_category(fact: categories.CategoryEvent) -> PublishedEvent:
    match fact:
        case categories.CategoryCreated():
            at = fact.created_at
        case categories.CategoryChanged():
            at = fact.changed_at
        case categories.CategoryDeleted():
            at = fact.deleted_at
        case _:
            assert_never(fact)
    return CategoryChanged(category_id=fact.category_id, changed_at=at)


def _of_customer(fact: customers.CustomerEvent) -> PublishedEvent | None:
    match fact:
        case customers.PaymentMethodSaved():
            return PaymentMethodsChanged(account_id=fact.account_id, changed_at=fact.saved_at)
        case customers.DefaultPaymentMethodSet():
            return PaymentMethodsChanged(account_id=fact.account_id, changed_at=fact.set_at)
        case customers.PaymentMethodRemoved():
            return PaymentMethodsChanged(account_id=fact.account_id, changed_at=fact.removed_at)
        case (
            customers.CustomerContactChanged()
            | customers.CustomerDetailsChanged()
            | customers.CustomerNamedByProvider()
            | customers.MethodPageOpened()
            | customers.CustomerErased()
        ):
            return None  # auth's own messages say it, or it is nobody's concern
        case _:
            assert_never(fact)
