"""The rules of a plan: pure. It is retired and never deleted, for somebody may live on it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, Invalid, NotFound

from billing.plan_details import NewPrice, PlanDetails, PriceVersion, current_price
from billing.plans.commands import (
    AttachPlan,
    ChangePlan,
    CreatePlan,
    DetachPlan,
    PlanCommand,
    ReactivatePlan,
    RetirePlan,
    SetPlanPrices,
)
from billing.plans.events import (
    PlanAttached,
    PlanChanged,
    PlanCreated,
    PlanDetached,
    PlanEvent,
    PlanPriceSet,
    PlanReactivated,
    PlanRetired,
)
from billing.terms import Term


class PlanExists(Conflict):
    """This id is a plan already."""

    code = "plan_exists"
    detail = "There is a plan with this id already."


class PriceNegative(Invalid):
    """Nobody is paid for subscribing."""

    code = "price_negative"
    detail = "A price is zero or more."


class CurrencyTwice(Invalid):
    """Two prices in one currency came together: nobody knows which of them is meant."""

    code = "currency_twice"
    detail = "Name each currency once."


class EffectiveDatePast(Invalid):
    """Who has subscribed cannot have agreed yesterday to what is decided today."""

    code = "effective_date_past"
    detail = "A price may take effect for existing subscribers in the future only."


@dataclass(frozen=True)
class NoPlan:
    """Not made yet."""


@dataclass(frozen=True)
class Plan:
    """A plan that may be subscribed to."""

    plan_id: UUID
    slug: str
    family: str
    term: Term
    details: PlanDetails
    prices: tuple[PriceVersion, ...]
    categories: tuple[UUID, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class RetiredPlan:
    """A plan that only its subscribers know of."""

    plan: Plan
    retired_at: datetime


PlanState = NoPlan | Plan | RetiredPlan


def decide(command: PlanCommand, state: PlanState) -> list[PlanEvent]:
    """What follows from a command.

    Raises `PlanExists`, `PriceNegative`, `CurrencyTwice`, `EffectiveDatePast`, `NotFound`.
    """
    if isinstance(command, CreatePlan):
        return _create(command, state)
    if isinstance(state, NoPlan):
        raise NotFound
    plan = state.plan if isinstance(state, RetiredPlan) else state
    match command:
        case ChangePlan():
            return _change(command, plan)
        case SetPlanPrices():
            return _set_prices(command.prices, plan.plan_id, plan.prices, command.now)
        case RetirePlan():
            return [PlanRetired(plan.plan_id, command.now)] if state is plan else []
        case ReactivatePlan():
            return [] if state is plan else [PlanReactivated(plan.plan_id, command.now)]
        case AttachPlan() | DetachPlan():
            return _sort(command, plan)
        case _:
            assert_never(command)


def _create(command: CreatePlan, state: PlanState) -> list[PlanEvent]:
    if not isinstance(state, NoPlan):
        raise PlanExists
    created = PlanCreated(
        plan_id=command.plan_id,
        slug=command.slug,
        family=command.family,
        term=command.term,
        details=command.details,
        created_at=command.now,
    )
    return [created, *_set_prices(command.prices, command.plan_id, (), command.now)]


def _change(command: ChangePlan, plan: Plan) -> list[PlanEvent]:
    details = replace(plan.details, **dict(command.changes))  # type: ignore[arg-type] # field names, checked by the route
    if details == plan.details:
        return []
    return [PlanChanged(plan.plan_id, details, command.now)]


def _set_prices(
    wanted: tuple[NewPrice, ...],
    plan_id: UUID,
    prices: tuple[PriceVersion, ...],
    now: datetime,
) -> list[PlanEvent]:
    if len({new.price.currency for new in wanted}) < len(wanted):
        raise CurrencyTwice
    events: list[PlanEvent] = []
    for new in wanted:
        if new.price.amount < 0:
            raise PriceNegative
        if new.existing_from is not None and new.existing_from <= now:
            raise EffectiveDatePast
        if not _is_so(new, current_price(prices, new.price.currency)):
            version = len(prices) + len(events) + 1
            set_price = PlanPriceSet(plan_id, version, new.price, new.tax, new.existing_from, now)
            events.append(set_price)
    return events


def _is_so(new: NewPrice, current: PriceVersion | None) -> bool:
    return current is not None and (new.price, new.tax, new.existing_from) == (
        current.price,
        current.tax,
        current.existing_from,
    )


def _sort(command: AttachPlan | DetachPlan, plan: Plan) -> list[PlanEvent]:
    id, category_id, now = plan.plan_id, command.category_id, command.now
    there = category_id in plan.categories
    if isinstance(command, AttachPlan):
        return [] if there else [PlanAttached(id, category_id, now)]
    return [PlanDetached(id, category_id, now)] if there else []


def evolve(state: PlanState, event: PlanEvent) -> PlanState:
    """The state after one more event."""
    match event:
        case PlanCreated():
            return _created(event)
        case PlanRetired():
            return RetiredPlan(_plan(state), event.retired_at)
        case PlanReactivated():
            return replace(_plan(state), updated_at=event.reactivated_at)
        case PlanChanged() | PlanPriceSet() | PlanAttached() | PlanDetached():
            changed = _evolved(_plan(state), event)
            return replace(state, plan=changed) if isinstance(state, RetiredPlan) else changed
        case _:
            assert_never(event)


def _created(event: PlanCreated) -> Plan:
    return Plan(
        plan_id=event.plan_id,
        slug=event.slug,
        family=event.family,
        term=event.term,
        details=event.details,
        prices=(),
        categories=(),
        created_at=event.created_at,
        updated_at=event.created_at,
    )


def _evolved(plan: Plan, event: PlanChanged | PlanPriceSet | PlanAttached | PlanDetached) -> Plan:
    match event:
        case PlanChanged():
            return replace(plan, details=event.details, updated_at=event.changed_at)
        case PlanPriceSet(_, version, price, tax, existing_from, at):
            prices = (*plan.prices, PriceVersion(version, price, tax, existing_from, at))
            return replace(plan, prices=prices, updated_at=at)
        case PlanAttached():
            categories = (*plan.categories, event.category_id)
            return replace(plan, categories=categories, updated_at=event.attached_at)
        case PlanDetached():
            left = tuple(id for id in plan.categories if id != event.category_id)
            return replace(plan, categories=left, updated_at=event.detached_at)
        case _:
            assert_never(event)


def _plan(state: PlanState) -> Plan:
    plan = state.plan if isinstance(state, RetiredPlan) else state
    assert isinstance(plan, Plan)
    return plan


PLAN: Decider[PlanCommand, PlanState, PlanEvent] = Decider("plan", NoPlan(), decide, evolve)
