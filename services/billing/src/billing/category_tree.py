"""What holds between categories: nesting without circles, and where a user has one plan at most."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Node:
    """One category as the tree knows it."""

    category_id: UUID
    parent_id: UUID | None
    is_single: bool


Tree = Mapping[UUID, Node]


def tree_of(nodes: Iterable[Node]) -> Tree:
    """The categories by their ids."""
    return {node.category_id: node for node in nodes}


def with_ancestors(tree: Tree, category_id: UUID) -> Iterator[Node]:
    """A category, the one that it stands in, and so on; ends where it would begin anew."""
    seen: set[UUID] = set()
    node = tree.get(category_id)
    while node is not None and node.category_id not in seen:
        seen.add(node.category_id)
        yield node
        node = tree.get(node.parent_id) if node.parent_id else None


def stands_in_itself(tree: Tree, category_id: UUID) -> bool:
    """Whether following the parents of a category leads back to one that was passed."""
    last = list(with_ancestors(tree, category_id))[-1:]
    return any(node.parent_id in tree for node in last)


def is_single(tree: Tree, category_id: UUID) -> bool:
    """Whether a user has at most one live subscription there: it says so, or one above it does."""
    return any(node.is_single for node in with_ancestors(tree, category_id))


def single_in(tree: Tree, categories: Iterable[UUID]) -> tuple[UUID, ...]:
    """The categories that allow a plan of these categories no other beside it.

    A plan stands in its categories and in all above them, so what a child inherits is enforced by
    the key of the one above that says it.
    """
    found = {
        node.category_id
        for category_id in categories
        for node in with_ancestors(tree, category_id)
        if node.is_single
    }
    return tuple(sorted(found))
