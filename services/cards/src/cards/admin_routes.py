"""HTTP for administrators: everybody's cards, back from the trash, and a copy of all."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID

from common.idempotency import RequestCause
from common.ids import uuid7
from common.problems import NotFound
from common.service import Admin, Page, Paging
from fastapi import APIRouter, Query
from pydantic_core import to_json
from starlette.responses import JSONResponse, Response, StreamingResponse

from cards.card_form import CardOut, card_out
from cards.cards.commands import RestoreAnyCard
from cards.cards.read_model import CardRow, all_cards, card_by_id, every_card
from cards.cards.routes import Cards, Service, carry_out
from cards.exports.commands import ExportCards
from cards.exports.decider import EXPORT
from cards.exports.events import Format

router = APIRouter(prefix="/api/v1/admin", tags=["administration"])

UNKEPT = {"Cache-Control": "private, no-store"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the begin of a formula (OWASP, CSV injection)."""


class AnyCardOut(CardOut):
    """Somebody's card."""

    owner_id: UUID


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
    page = {
        "items": [_row_out(service, row) for row in rows],
        "page": paging.page,
        "per_page": paging.per_page,
        "total": total,
    }
    return JSONResponse(page, headers=UNKEPT)


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
    name = f"{model}-{cause.now:%Y-%m-%d}.{format}"
    headers = {**UNKEPT, "Content-Disposition": f'attachment; filename="{name}"'}
    kind, pieces = (
        ("text/csv; charset=utf-8", _csv) if format == "csv" else ("application/json", _json)
    )
    return StreamingResponse(pieces(_told(service)), headers=headers, media_type=kind)


async def _told(service: Cards) -> AsyncIterator[dict[str, Any]]:
    async for row in every_card(service.kernel.database):
        yield _row_out(service, row)


async def _json(cards: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    between = b"["
    async for card in cards:
        yield between + to_json(card)
        between = b",\n"
    yield b"[]" if between == b"[" else b"]"


async def _csv(cards: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield _line(COLUMNS)
    async for card in cards:
        yield _line([_cell(card[column]) for column in COLUMNS])


COLUMNS = ["id", "owner_id", *(name for name in CardOut.model_fields if name != "id")]


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else to_json(value).decode()
    return f"'{text}" if text.startswith(FORMULA) else text


def _row_out(service: Cards, row: CardRow) -> dict[str, Any]:
    told = card_out(row.face(), service.public_url, row.created_at, row.deleted_at)
    return {**told, "owner_id": str(row.owner_id)}
