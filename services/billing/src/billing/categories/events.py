"""What has happened to a category of plans."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from billing.category_details import CategoryDetails


@dataclass(frozen=True)
class CategoryCreated:
    """There is a category. Its slug never changes."""

    type_name: ClassVar[str] = "billing.category_created"

    category_id: UUID
    slug: str
    details: CategoryDetails
    created_at: datetime


@dataclass(frozen=True)
class CategoryChanged:
    """The category is this now; `details` is all of it."""

    type_name: ClassVar[str] = "billing.category_changed"

    category_id: UUID
    details: CategoryDetails
    changed_at: datetime


@dataclass(frozen=True)
class CategoryDeleted:
    """The category, which was empty, is gone."""

    type_name: ClassVar[str] = "billing.category_deleted"

    category_id: UUID
    deleted_at: datetime


CategoryEvent = CategoryCreated | CategoryChanged | CategoryDeleted
