"""Plans for the demo: made as an administrator would, without one, and all in one transaction.

Nobody of the demo company is an administrator, for everybody knows their password.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

from billing.categories.commands import CreateCategory
from billing.categories.decider import CATEGORY
from billing.category_details import CategoryDetails
from billing.plan_details import NewPrice, PlanDetails
from billing.plans.commands import AttachPlan, CreatePlan
from billing.plans.decider import PLAN
from billing.plans.read_model import plan_by_id
from billing.slugs import SlugTaken
from billing.terms import Term
from common.event_store import Cause, VersionConflict
from common.money import Money

from cartulary.layout import Layout
from cartulary.output import Unreachable, note
from cartulary.services import places

DEMO = UUID("0f6f3a52-7a0b-5d0e-9a55-3d8a5a2b7c10")
"""The namespace of the demo's ids."""

MONTH, YEAR = Term("month"), Term("year")
CARDS = CategoryDetails("Cards", "How many cards one may have, and what they can do.")
FREE = PlanDetails("Free", "One card, for good.", (), (("cards.max", 1),))
PRO = PlanDetails(
    name="Pro",
    description="Ten cards, each with its own address, and how often they are looked at.",
    features=("own_handle", "statistics"),
    limits=(("cards.max", 10),),
    trial_days=14,
    sort_order=1,
)
PRO_YEARLY = replace(
    PRO,
    name="Pro, yearly",
    description="Pro for a year, at the price of ten months.",
    sort_order=2,
)
TEAM = PlanDetails(
    name="Team",
    description="Fifty cards for a whole house.",
    features=("own_handle", "statistics", "team"),
    limits=(("cards.max", 50),),
    sort_order=3,
)


async def seed_plans(layout: Layout) -> None:
    """Make them unless they are there; whatever an administrator has made of them since stays.

    Where billing's database cannot be reached from here, there are none.
    """
    try:
        (place,) = places(layout, ("billing",), None)
    except Unreachable as away:
        note(f"No plans are made: {away.message}")
        return
    now = datetime.now(UTC)
    async with place.kernel() as kernel:
        if await plan_by_id(kernel.database, _id("free")) is not None:
            return
        try:
            async with kernel.database.transaction() as transaction:
                category = CreateCategory(_id("cards"), "cards", CARDS, now)
                handle = kernel.commands.handle_in
                cause = _cause("cards", now)
                await handle(transaction, CATEGORY, category.category_id, category, cause)
                for plan in _plans(now):
                    attach = AttachPlan(plan.plan_id, category.category_id, now)
                    for command in (plan, attach):
                        cause = _cause(f"{plan.slug} {type(command).__name__}", now)
                        await handle(transaction, PLAN, plan.plan_id, command, cause)
        except (SlugTaken, VersionConflict):
            return  # somebody has plans of their own that are called so, or seeds at this moment


def _plans(now: datetime) -> Iterator[CreatePlan]:
    for slug, family, term, details, euros, dollars in (
        ("free", "free", MONTH, FREE, 0, 0),
        ("pro-monthly", "pro", MONTH, PRO, 900, 1000),
        ("pro-yearly", "pro", YEAR, PRO_YEARLY, 9000, 10000),
        ("team", "team", MONTH, TEAM, 2900, 3200),
    ):
        prices = (
            NewPrice(Money(euros, "EUR"), "inclusive"),
            NewPrice(Money(dollars, "USD"), "inclusive"),
        )
        yield CreatePlan(_id(slug), slug, family, term, details, prices, now)


def _id(name: str) -> UUID:
    return uuid5(DEMO, name)


def _cause(name: str, now: datetime) -> Cause:
    return Cause(uuid5(DEMO, f"command {name}"), now)
