"""The words that stand for plans and categories in addresses: unique by rows of their own.

No rebuild touches the rows, since they decide what may be written.
"""

import re
import unicodedata
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from common.problems import Conflict
from common.statements import Statement, Write
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

LONGEST = 60
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
PLANS_SLUG, CATEGORIES_SLUG = "plan_slugs_slug", "plan_category_slugs_slug"
"""The unique keys."""


class SlugTaken(Conflict):
    """Another one has this slug."""

    code = "slug_taken"
    detail = "This slug is taken. Choose another."


def is_slug(text: str) -> bool:
    """Whether this can be a slug, so that it is worth looking for."""
    return len(text) <= LONGEST and _SLUG.fullmatch(text) is not None


def _slug(text: str) -> str:
    if not is_slug(text):
        raise PydanticCustomError(
            "slug", "A slug has small letters a to z and digits, with single hyphens between them."
        )
    return text


Slug = Annotated[str, Field(max_length=LONGEST), AfterValidator(_slug)]


def slug_of(name: str) -> str:
    """A slug for a name: without accents, with hyphens for all that is no letter or digit."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-")


def _statements(table: str, key: str) -> tuple[Statement, Statement]:
    slugs = sa.table(table, sa.column(key, sa.Uuid), sa.column("slug", sa.Text))
    id = sa.bindparam("id", type_=sa.Uuid)
    taken = sa.insert(slugs).values({key: id, "slug": sa.bindparam("new_slug", type_=sa.Text)})
    return Statement(taken), Statement(sa.delete(slugs).where(slugs.c[key] == id))


_TAKE_FOR_PLAN, _ = _statements("plan_slugs", "plan_id")
_TAKE_FOR_CATEGORY, _FREE_OF_CATEGORY = _statements("plan_category_slugs", "category_id")


def take_for_plan(plan_id: UUID, slug: str) -> Write:
    """The slug is this plan's, for ever: a plan is never deleted."""
    return Write(_TAKE_FOR_PLAN, {"id": plan_id, "new_slug": slug}, ("slug", plan_id))


def take_for_category(category_id: UUID, slug: str) -> Write:
    """The slug is this category's."""
    return Write(_TAKE_FOR_CATEGORY, {"id": category_id, "new_slug": slug}, ("slug", category_id))


def free_of_category(category_id: UUID) -> Write:
    """The category is gone, and its slug free for another."""
    return Write(_FREE_OF_CATEGORY, {"id": category_id}, ("slug", category_id))
