"""HTTP for administrators: everybody's cards, back from the trash, and a copy of all."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from common.idempotency import RequestCause
from common.ids import uuid7
from common.problems import NotFound
from common.service import Admin, Page, Paging
from common.table_export import UNKEPT, Format, download
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response, StreamingResponse

from cards.card_form import CardOut, card_out
from cards.cards.commands import RestoreAnyCard
from cards.cards.read_model import CardRow, all_cards, card_by_id, every_card
from cards.cards.routes import Cards, Service, carry_out
from cards.exports.commands import ExportCards
from cards.exports.decider import EXPORT

router = APIRouter(prefix="/api/v1/admin", tags=["administration"])


class AnyCardOut(CardOut):
    """Somebody's card."""

    owner_id: UUID


COLUMNS = ["id", "owner_id", *(name for name in CardOut.model_fields if name != "id")]


@router.get("/cards", response_model=Page[AnyCardOut])
async def list_all_cards(
    admin: Admin,
    paging: Paging,
    service: Service,
    deleted: Annotated[bool | None, Query(description="Only the trash, or only the others")] = None,
) -> Response:
    """Everybody's cards, newest first (CP-14)."""
    rows, total = await all_cards(
        service.kernel.database, deleted=deleted, per_page=paging.per_page, skip=paging.offset
    )
    items = [_row_out(service, row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.post("/restore_card/{card_id}", response_model=CardOut)
async def restore_any_card(
    card_id: UUID, admin: Admin, cause: RequestCause, service: Service
) -> Response:
    """Take somebody's card out of the trash, if their allowance has room for it (CP-15)."""
    row = await card_by_id(service.kernel.database, card_id)
    if row is None:
        raise NotFound
    command = RestoreAnyCard(card_id, cause.now)
    return await carry_out(service, card_id, command, cause, owner=row.owner_id)


@router.get("/export", response_class=StreamingResponse)
async def export_cards(
    admin: Admin,
    cause: RequestCause,
    service: Service,
    model: Literal["cards"],
    format: Format = "json",
) -> Response:
    """A copy of all cards, those in the trash too. Who took it is recorded before it begins."""
    id = uuid7()
    command = ExportCards(id, admin.account_id, format, cause.now)
    # each copy is one more: no Idempotency-Key makes it the same as the one before
    this_time = replace(cause, command_id=uuid7(), fingerprint=None)
    await service.kernel.commands.handle(EXPORT, id, command, this_time)
    return download(_told(service), name=model, columns=COLUMNS, format=format, now=cause.now)


async def _told(service: Cards) -> AsyncIterator[dict[str, Any]]:
    async for row in every_card(service.kernel.database):
        yield _row_out(service, row)


def _row_out(service: Cards, row: CardRow) -> dict[str, Any]:
    told = card_out(row.face(), service.public_url, row.created_at, row.deleted_at)
    return {**told, "owner_id": str(row.owner_id)}
