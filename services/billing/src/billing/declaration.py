"""What billing's log holds and what follows from it; without routes, for the worker needs none."""

from pathlib import Path

from common.kernel import KernelDeclaration

from billing.categories.events import CategoryEvent
from billing.categories.read_model import CATEGORIES, CATEGORY_SLUGS
from billing.customers.events import CustomerEvent
from billing.customers.read_model import CUSTOMERS
from billing.entitlements.events import EntitlementsEvent
from billing.plans.events import PlanEvent
from billing.plans.read_model import PLAN_SLUGS, PLANS
from billing.published_events import publish

DECLARATION = KernelDeclaration(
    source="billing",
    events=(*(PlanEvent, CategoryEvent, CustomerEvent, EntitlementsEvent),),
    projections=(*(PLANS, PLAN_SLUGS, CATEGORIES, CATEGORY_SLUGS, CUSTOMERS),),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
)
