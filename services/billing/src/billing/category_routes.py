"""HTTP for administrators of categories: make, read, change. What concerns plans is above."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from common.command_handling import Answer, Then
from common.database import Transaction
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.problems import Conflict, FieldError, Invalid, NotFound
from common.service import Admin, IfMatch, Page, Paging, etag, not_modified
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from billing.categories.commands import CategoryCommand, ChangeCategory, CreateCategory
from billing.categories.decider import CATEGORY, Category, CategoryState
from billing.categories.read_model import (
    CategoryRow,
    all_categories,
    category_by_id,
    locked_tree,
)
from billing.category_details import CategoryDetails
from billing.category_form import (
    CategoryBranch,
    CategoryChanges,
    CategoryOut,
    NewCategory,
    category_out,
)
from billing.category_tree import Node, Tree, is_single, stands_in_itself, tree_of
from billing.resources import Billing, Service
from billing.slugs import slug_of

router = APIRouter(prefix="/api/v1/admin/tarif-plan-categories", tags=["administration"])

UNKEPT = {"Cache-Control": "private, no-store"}


class ParentUnknown(Invalid):
    """The category that this one should stand in does not exist."""

    code = "parent_unknown"
    detail = "There is no category with the id that parent_id names."


class CategoryInItself(Conflict):
    """The category would stand in itself, at once or by way of others."""

    code = "category_in_itself"
    detail = "A category cannot stand in itself or in one that stands in it."


class NoSlug(Invalid):
    """The name has no letter or digit of which a slug can be made."""

    code = "slug_required"
    detail = "Give the category a slug: its name has no letter a to z and no digit."


@router.get("", response_model=Page[CategoryOut] | list[CategoryBranch])
@router.get("/", response_model=Page[CategoryOut] | list[CategoryBranch], include_in_schema=False)
async def list_categories(
    _: Admin,
    paging: Paging,
    service: Service,
    format: Annotated[Literal["list", "tree"], Query(description="Nested instead")] = "list",
) -> Response:
    """All categories, in the order in which they are shown."""
    rows = await all_categories(service.kernel.database)
    tree = _tree(rows)
    if format == "tree":
        return JSONResponse(_branches(rows, tree, None), headers=UNKEPT)
    items = [_row_out(row, tree) for row in rows[paging.offset :][: paging.per_page]]
    return JSONResponse(paging.page_of(items, len(rows)), headers=UNKEPT)


@router.post("", status_code=201, response_model=CategoryOut)
@router.post("/", status_code=201, response_model=CategoryOut, include_in_schema=False)
async def create_category(
    body: NewCategory, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Make a category."""
    slug = body.slug or slug_of(body.name)
    if not slug:
        raise NoSlug(errors=[FieldError("/slug", "missing", NoSlug.detail)])
    id = uuid7()
    command = CreateCategory(id, slug, CategoryDetails(**body.values()), cause.now)
    return await _carry_out(service, id, command, cause, status=201)


@router.get("/{category_id}", response_model=CategoryOut)
async def get_category(request: Request, category_id: UUID, _: Admin, service: Service) -> Response:
    """One category."""
    row = await category_by_id(service.kernel.database, category_id)
    if row is None:
        raise NotFound
    headers = {**UNKEPT, "ETag": etag(row.version)}
    tree = _tree(await all_categories(service.kernel.database))
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(_row_out(row, tree), headers=headers)


@router.put("/{category_id}", response_model=CategoryOut, name="put_category")
@router.patch("/{category_id}", response_model=CategoryOut)
async def change_category(
    category_id: UUID,
    body: CategoryChanges,
    _: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Change what a category is and where it stands."""
    command = ChangeCategory(category_id, tuple(body.values().items()), cause.now)
    return await _carry_out(service, category_id, command, cause, expected=if_match)


async def _carry_out(
    service: Billing,
    category_id: UUID,
    command: CategoryCommand,
    cause: RequestCause,
    *,
    status: int = 200,
    expected: int | None = None,
) -> Response:
    """Answer with the category after the command, which must leave the tree one."""
    handled = await service.kernel.commands.handle(
        CATEGORY,
        category_id,
        command,
        cause,
        expected=expected,
        answer=_shown(status, await all_categories(service.kernel.database)),
        then=_stands_well(category_id),
    )
    return answer_of(handled)


def _stands_well(category_id: UUID) -> Then:
    """Refuses a parent that does not exist, and a circle, also when two requests make it up."""

    async def then(transaction: Transaction) -> None:
        tree = await locked_tree(transaction)
        node = tree[category_id]
        if node.parent_id is not None and node.parent_id not in tree:
            raise ParentUnknown(errors=[FieldError("/parent_id", "unknown", ParentUnknown.detail)])
        if stands_in_itself(tree, category_id):
            raise CategoryInItself

    return then


def _shown(status: int, rows: Sequence[CategoryRow]) -> Callable[[CategoryState, int], Answer]:
    def answer(state: CategoryState, version: int) -> Answer:
        assert isinstance(state, Category)
        id, details = state.category_id, state.details
        node = Node(id, details.parent_id, details.is_single)
        single = is_single({**_tree(rows), id: node}, id)
        headers = {"ETag": etag(version), "Cache-Tags": f"plan_category/{id}, plan_category"}
        if status == 201:
            headers["Location"] = f"/api/v1/admin/tarif-plan-categories/{id}"
        moments = (state.created_at, state.updated_at)
        return Answer(
            status, category_out(id, state.slug, details, moments, single=single), headers
        )

    return answer


def _tree(rows: Sequence[CategoryRow]) -> Tree:
    return tree_of(
        Node(row.category_id, row.details.parent_id, row.details.is_single) for row in rows
    )


def _row_out(row: CategoryRow, tree: Tree) -> dict[str, Any]:
    single = is_single(tree, row.category_id)
    moments = (row.created_at, row.updated_at)
    return category_out(row.category_id, row.slug, row.details, moments, single=single)


def _branches(
    rows: Sequence[CategoryRow], tree: Tree, parent_id: UUID | None
) -> list[dict[str, Any]]:
    return [
        {**_row_out(row, tree), "children": _branches(rows, tree, row.category_id)}
        for row in rows
        if row.details.parent_id == parent_id
    ]
