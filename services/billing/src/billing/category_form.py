"""What a request may say of a category, and how a category is told."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python

from billing.category_details import CategoryDetails
from billing.plan_form import STRICT, Name, Small, Text
from billing.slugs import Slug


class CategoryFields(BaseModel):
    """What may be changed of a category."""

    model_config = STRICT

    name: Name
    description: Text | None = None
    parent_id: UUID | None = None
    is_single: bool = True
    sort_order: Small = 0

    def values(self) -> dict[str, Any]:
        """What was written, by field of `CategoryDetails`."""
        return {name: getattr(self, name) for name in FIELDS if name in self.model_fields_set}


class NewCategory(
    CategoryFields,
    json_schema_extra={
        "examples": [{"name": "Subscriptions", "slug": "subscriptions", "is_single": True}]
    },
):
    """A new category. Without a slug it is called as its name is."""

    slug: Slug | None = None


class CategoryChanges(
    CategoryFields, json_schema_extra={"examples": [{"description": "One of them at a time"}]}
):
    """The fields that change; what is left out stays."""

    name: Name = ""


class CategoryOut(CategoryFields):
    """A category as administrators see it. `single_for_users`: it or one above it is single."""

    id: UUID
    slug: str
    single_for_users: bool
    created_at: datetime
    updated_at: datetime


class CategoryBranch(CategoryOut):
    """A category and those that stand in it."""

    children: list["CategoryBranch"]


class PlanIds(
    BaseModel,
    json_schema_extra={"examples": [{"plan_ids": ["0199a7c0-0000-7000-8000-000000000001"]}]},
):
    """Which plans; those that are there, or gone, already are no error."""

    model_config = STRICT

    plan_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]


FIELDS = tuple(CategoryFields.model_fields)


def category_out(
    category_id: UUID,
    slug: str,
    details: CategoryDetails,
    moments: tuple[datetime, datetime],
    *,
    single: bool,
) -> dict[str, Any]:
    """A category as `CategoryOut` describes it, in JSON's own types."""
    created_at, updated_at = moments
    told: dict[str, Any] = to_jsonable_python(
        {
            "id": category_id,
            "slug": slug,
            **{name: getattr(details, name) for name in FIELDS},
            "single_for_users": single,
            "created_at": created_at,
            "updated_at": updated_at,
        }
    )
    return told
