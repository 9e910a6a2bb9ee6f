"""What a category of plans is: a value that its events keep and its readers are shown."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CategoryDetails:
    """What a category is. `parent_id` is the one that it stands in.

    In one that `is_single` a user holds at most one live subscription, counting all below it.
    """

    name: str
    description: str | None = None
    parent_id: UUID | None = None
    is_single: bool = True
    sort_order: int = 0
