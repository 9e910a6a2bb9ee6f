"""One good example of each message of a category: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from billing.categories.commands import ChangeCategory, CreateCategory, DeleteCategory
from billing.categories.events import (
    CategoryChanged,
    CategoryCreated,
    CategoryDeleted,
)
from billing.category_details import CategoryDetails

CATEGORY_ID = UUID("01990000-0000-7000-8000-00000000d101")
PARENT_ID = UUID("01990000-0000-7000-8000-00000000d102")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)

DETAILS = CategoryDetails("Cards", "How many cards one may have.", PARENT_ID)
NEW_DETAILS = CategoryDetails("Business cards", "How many cards one may have.", PARENT_ID)

CREATE = CreateCategory(CATEGORY_ID, "cards", DETAILS, AT)
CHANGE = ChangeCategory(CATEGORY_ID, (("name", "Business cards"),), LATER)
DELETE = DeleteCategory(CATEGORY_ID, LATER)

CREATED = CategoryCreated(CATEGORY_ID, "cards", DETAILS, AT)
CHANGED = CategoryChanged(CATEGORY_ID, NEW_DETAILS, LATER)
DELETED = CategoryDeleted(CATEGORY_ID, LATER)

EVENTS = (CREATED, CHANGED, DELETED)
