"""Categories to read; and their tree, under a lock for whoever is about to change it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

import sqlalchemy as sa
from common.database import Database, Transaction
from common.read_models import Projection, ReadModel, Stamp
from common.statements import Statement, Write
from sqlalchemy.dialects.postgresql import insert

from billing.categories.events import (
    CategoryChanged,
    CategoryCreated,
    CategoryDeleted,
    CategoryEvent,
)
from billing.category_details import CategoryDetails
from billing.category_tree import Node, Tree, tree_of
from billing.slugs import CATEGORIES_SLUG, SlugTaken, free_of_category, take_for_category

_AT = sa.DateTime(timezone=True)
categories = sa.Table(
    "plan_categories",
    sa.MetaData(),
    sa.Column("category_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("parent_id", sa.Uuid),
    sa.Column("is_single", sa.Boolean, nullable=False),
    sa.Column("sort_order", sa.Integer, nullable=False),
    sa.Column("created_at", _AT, nullable=False),
    sa.Column("updated_at", _AT, nullable=False),
)
_DETAILS = ("name", "description", "parent_id", "is_single", "sort_order")
_id = categories.c.category_id == sa.bindparam("id", type_=sa.Uuid)
_INSERT = Statement(
    insert(categories).values({c.name: sa.bindparam(c.name, type_=c.type) for c in categories.c})
)
_CHANGE = Statement(
    sa.update(categories)
    .where(_id)
    .values(
        {
            name: sa.bindparam(f"new_{name}", type_=categories.c[name].type)
            for name in (*_DETAILS, "version", "updated_at")
        }
    )
)
_DELETE = Statement(sa.delete(categories).where(_id))


def project(event: CategoryEvent, stamp: Stamp) -> list[Write]:
    """One row a category that is not deleted."""
    id = event.category_id
    match event:
        case CategoryCreated():
            at = event.created_at
            marks = {"version": stamp.version, "created_at": at, "updated_at": at}
            row = {"category_id": id, "slug": event.slug, **asdict(event.details), **marks}
            return [Write(_INSERT, row, id)]
        case CategoryChanged():
            values = {**asdict(event.details), "updated_at": event.changed_at}
            changed = {f"new_{name}": value for name, value in values.items()}
            return [Write(_CHANGE, {"id": id, "new_version": stamp.version, **changed}, id)]
        case CategoryDeleted():
            return [Write(_DELETE, {"id": id}, id)]
        case _:
            assert_never(event)


CATEGORIES = ReadModel(CategoryEvent, project, name="plan_categories", tables=(categories,))


def reserve_slug(event: CategoryCreated | CategoryDeleted, _: Stamp) -> list[Write]:
    """A slug is one category's alone, until it is deleted."""
    if isinstance(event, CategoryCreated):
        return [take_for_category(event.category_id, event.slug)]
    return [free_of_category(event.category_id)]


CATEGORY_SLUGS = Projection(
    CategoryCreated | CategoryDeleted, reserve_slug, {CATEGORIES_SLUG: SlugTaken}
)


@dataclass(frozen=True)
class CategoryRow:
    """A category as it is read."""

    category_id: UUID
    version: int
    slug: str
    details: CategoryDetails
    created_at: datetime
    updated_at: datetime


def _category(row: Mapping[str, Any]) -> CategoryRow:
    values = dict(row)
    details = CategoryDetails(**{name: values.pop(name) for name in _DETAILS})
    return CategoryRow(details=details, **values)


_BY_ID = Statement(sa.select(categories).where(_id))
_ALL = Statement(sa.select(categories).order_by(categories.c.sort_order, categories.c.slug))
_NODES = Statement(
    sa.select(categories.c.category_id, categories.c.parent_id, categories.c.is_single)
)
_LOCK = "select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('plan categories'))"


async def category_by_id(database: Database, category_id: UUID) -> CategoryRow | None:
    """The category."""
    row = await database.fetch_one(_BY_ID, id=category_id)
    return _category(row) if row else None


async def all_categories(database: Database) -> list[CategoryRow]:
    """All categories, in the order in which they are shown."""
    return [_category(row) for row in await database.fetch(_ALL)]


async def tree(transaction: Transaction) -> Tree:
    """How the categories are nested."""
    return tree_of(Node(**row) for row in await transaction.fetch(_NODES))


async def locked_tree(transaction: Transaction) -> Tree:
    """The same, and nobody else changes it, or puts a plan into it, before this transaction ends.

    To be asked after one's own change: of two that exclude each other the second then sees both.
    """
    await transaction.connection.execute(_LOCK)
    return await tree(transaction)
