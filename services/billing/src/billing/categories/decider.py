"""The rules of one category: pure. What holds between several is `category_tree`'s."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, NotFound

from billing.categories.commands import (
    CategoryCommand,
    ChangeCategory,
    CreateCategory,
    DeleteCategory,
)
from billing.categories.events import (
    CategoryChanged,
    CategoryCreated,
    CategoryDeleted,
    CategoryEvent,
)
from billing.category_details import CategoryDetails


class CategoryExists(Conflict):
    """This id is a category already."""

    code = "category_exists"
    detail = "There is a category with this id already."


@dataclass(frozen=True)
class NoCategory:
    """Not made yet."""


@dataclass(frozen=True)
class Category:
    """A category that plans may be put into."""

    category_id: UUID
    slug: str
    details: CategoryDetails
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class DeletedCategory:
    """A category that is gone for good."""


CategoryState = NoCategory | Category | DeletedCategory


def decide(command: CategoryCommand, state: CategoryState) -> list[CategoryEvent]:
    """What follows from a command. Raises `CategoryExists`, `NotFound`."""
    match command:
        case CreateCategory(id, slug, details, now):
            if not isinstance(state, NoCategory):
                raise CategoryExists
            return [CategoryCreated(id, slug, details, now)]
        case ChangeCategory():
            return _change(command, state)
        case DeleteCategory(id, now):
            if isinstance(state, NoCategory):
                raise NotFound
            return [CategoryDeleted(id, now)] if isinstance(state, Category) else []
        case _:
            assert_never(command)


def _change(command: ChangeCategory, state: CategoryState) -> list[CategoryEvent]:
    if not isinstance(state, Category):
        raise NotFound
    details = replace(state.details, **dict(command.changes))  # type: ignore[arg-type] # field names, checked by the route
    if details == state.details:
        return []
    return [CategoryChanged(state.category_id, details, command.now)]


def evolve(state: CategoryState, event: CategoryEvent) -> CategoryState:
    """The state after one more event."""
    match event:
        case CategoryCreated(id, slug, details, at):
            return Category(id, slug, details, created_at=at, updated_at=at)
        case CategoryChanged():
            assert isinstance(state, Category)
            return replace(state, details=event.details, updated_at=event.changed_at)
        case CategoryDeleted():
            return DeletedCategory()
        case _:
            assert_never(event)


CATEGORY: Decider[CategoryCommand, CategoryState, CategoryEvent] = Decider(
    "plan_category", NoCategory(), decide, evolve
)
