"""One good example of each message of a plan: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from common.money import Money

from billing.plan_details import NewPrice, PlanDetails
from billing.plans.commands import (
    AttachPlan,
    ChangePlan,
    CreatePlan,
    DetachPlan,
    ReactivatePlan,
    RetirePlan,
    SetPlanPrices,
)
from billing.plans.events import (
    PlanAttached,
    PlanChanged,
    PlanCreated,
    PlanDetached,
    PlanPriceSet,
    PlanReactivated,
    PlanRetired,
)
from billing.terms import Term

PLAN_ID = UUID("01990000-0000-7000-8000-00000000d001")
CATEGORY_ID = UUID("01990000-0000-7000-8000-00000000d101")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
EFFECTIVE = datetime(2026, 6, 1, tzinfo=UTC)

DETAILS = PlanDetails(
    name="Pro",
    description="For whoever hands out more than one card.",
    features=("statistics",),
    limits=(("cards.max", 10),),
    trial_days=14,
)
NEW_DETAILS = PlanDetails(
    name="Pro",
    description="For whoever hands out more than one card.",
    features=("own_handle", "statistics"),
    limits=(("cards.max", 12),),
    trial_days=14,
)
EUROS = NewPrice(Money(1200, "EUR"), "inclusive")
DOLLARS = NewPrice(Money(1300, "USD"), "exclusive")
MORE_EUROS = NewPrice(Money(1400, "EUR"), "inclusive", EFFECTIVE)

CREATE = CreatePlan(PLAN_ID, "pro-monthly", "pro", Term("month"), DETAILS, (EUROS, DOLLARS), AT)
CHANGE = ChangePlan(
    PLAN_ID, (("features", NEW_DETAILS.features), ("limits", NEW_DETAILS.limits)), LATER
)
SET_PRICE = SetPlanPrices(PLAN_ID, (MORE_EUROS,), LATER)
RETIRE = RetirePlan(PLAN_ID, LATER)
REACTIVATE = ReactivatePlan(PLAN_ID, LATER)
ATTACH = AttachPlan(PLAN_ID, CATEGORY_ID, LATER)
DETACH = DetachPlan(PLAN_ID, CATEGORY_ID, LATER)

CREATED = PlanCreated(PLAN_ID, "pro-monthly", "pro", Term("month"), DETAILS, AT)
PRICED = PlanPriceSet(PLAN_ID, 1, EUROS.price, "inclusive", None, AT)
PRICED_IN_DOLLARS = PlanPriceSet(PLAN_ID, 2, DOLLARS.price, "exclusive", None, AT)
CHANGED = PlanChanged(PLAN_ID, NEW_DETAILS, LATER)
REPRICED = PlanPriceSet(PLAN_ID, 3, MORE_EUROS.price, "inclusive", EFFECTIVE, LATER)
RETIRED = PlanRetired(PLAN_ID, LATER)
REACTIVATED = PlanReactivated(PLAN_ID, LATER)
ATTACHED = PlanAttached(PLAN_ID, CATEGORY_ID, LATER)
DETACHED = PlanDetached(PLAN_ID, CATEGORY_ID, LATER)

EVENTS = (CREATED, CHANGED, REPRICED, RETIRED, REACTIVATED, ATTACHED, DETACHED)
