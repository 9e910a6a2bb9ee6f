"""What may be asked of a category, by administrators."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.category_details import CategoryDetails


@dataclass(frozen=True)
class CreateCategory:
    """Make a category."""

    category_id: UUID
    slug: str
    details: CategoryDetails
    now: datetime


@dataclass(frozen=True)
class ChangeCategory:
    """Set these fields of `CategoryDetails`; what is not named stays."""

    category_id: UUID
    changes: tuple[tuple[str, object], ...]
    now: datetime


@dataclass(frozen=True)
class DeleteCategory:
    """Do away with a category in which nothing stands."""

    category_id: UUID
    now: datetime


CategoryCommand = CreateCategory | ChangeCategory | DeleteCategory
