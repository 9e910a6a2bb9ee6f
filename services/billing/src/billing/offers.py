"""What can be subscribed to at this moment: the catalogue's rules over its tables."""

from uuid import UUID

from common.database import Database

from billing.catalogue import terms_of
from billing.categories.read_model import tree
from billing.category_tree import Tree
from billing.plans.read_model import plan_by_id, plan_by_key
from billing.terms import PlanTerms


async def category_tree(database: Database) -> Tree:
    """How the categories are nested."""
    async with database.reader() as reader:
        return await tree(reader)


async def offered_terms(database: Database, plan_id: UUID, currency: str) -> PlanTerms:
    """What a new subscriber of this plan agrees to now.

    Raises `PlanUnknown`, `PlanRetired`, `CurrencyNotOffered`.
    """
    row = await plan_by_id(database, plan_id)
    return terms_of(row.plan if row else None, currency, await category_tree(database))


async def offered_terms_by_key(database: Database, key: str, currency: str) -> PlanTerms:
    """The same for a plan's id or slug."""
    row = await plan_by_key(database, key)
    return terms_of(row.plan if row else None, currency, await category_tree(database))
