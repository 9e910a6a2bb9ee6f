"""HTTP for the owner of cards: make, read, change, list, delete, restore."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from common.command_handling import Answer
from common.command_records import NEW
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.kernel import Kernel
from common.problems import NotFound
from common.service import Caller, IfMatch, Page, Paging, etag, not_modified
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from cards.allowances import CardLimitReached, allowed_cards
from cards.card_face import face_of
from cards.card_form import CardChanges, CardOut, NewCard, card_out
from cards.cards.commands import CardCommand, ChangeCard, CreateCard, DeleteCard, RestoreCard
from cards.cards.decider import CARD, Card, CardState
from cards.cards.read_model import CardRow, card_by_id, cards_of

router = APIRouter(prefix="/api/v1/cards", tags=["cards"])


@dataclass(frozen=True)
class Cards:
    """What the routes work with; made in `main`."""

    kernel: Kernel
    public_url: str


async def _cards(request: Request) -> Cards:
    cards: Cards = request.app.state.cards
    return cards


Service = Annotated[Cards, Depends(_cards)]

SLUG_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
SLUG_LENGTH = 12
"""Of 31 letters that nobody mistakes for another: 59 bits, which nobody finds by trying."""


def new_slug() -> str:
    """One by chance, from one draw: asking the system for each letter took longer than deciding."""
    number, letters = secrets.randbelow(len(SLUG_LETTERS) ** SLUG_LENGTH), []
    for _ in range(SLUG_LENGTH):
        number, letter = divmod(number, len(SLUG_LETTERS))
        letters.append(SLUG_LETTERS[letter])
    return "".join(letters)


@router.post("/", status_code=201, response_model=CardOut)
@router.post("", status_code=201, response_model=CardOut, include_in_schema=False)
async def create_card(
    body: NewCard, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Make a card."""
    id = uuid7()
    command = CreateCard(
        card_id=id,
        actor_id=caller.account_id,
        details=body.details(),
        slug=new_slug(),
        now=cause.now,
        handle=body.handle,
        visibility=body.visibility,
    )
    owner = caller.account_id
    return await carry_out(service, id, command, cause, owner=owner, status=201, expected=NEW)


@router.get("/", response_model=Page[CardOut])
@router.get("", response_model=Page[CardOut], include_in_schema=False)
async def list_cards(
    caller: Caller,
    paging: Paging,
    service: Service,
    deleted: Annotated[bool, Query(description="The trash instead")] = False,
) -> Response:
    """The caller's cards, newest first."""
    rows, total = await cards_of(
        service.kernel.database,
        caller.account_id,
        deleted=deleted,
        per_page=paging.per_page,
        skip=paging.offset,
    )
    page = paging.page_of([_row_out(service, row) for row in rows], total)
    return JSONResponse(page, headers={"Cache-Control": "private, no-store"})


@router.get("/{card_id}", response_model=CardOut)
async def get_card(request: Request, card_id: UUID, caller: Caller, service: Service) -> Response:
    """One of the caller's cards."""
    row = await card_by_id(service.kernel.database, card_id)
    if row is None or row.deleted_at or row.owner_id != caller.account_id:
        raise NotFound
    headers = {
        "Cache-Tags": f"card/{card_id}",
        "Cache-Control": "private",
        "ETag": etag(row.version),
    }
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(_row_out(service, row), headers=headers)


@router.put("/{card_id}", response_model=CardOut, name="put_card")
@router.patch("/{card_id}", response_model=CardOut)
async def change_card(
    card_id: UUID,
    body: CardChanges,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Change some of what the card says. PUT does the same: so do CartePro's clients (CP-05)."""
    changes = tuple(body.values().items())
    command = ChangeCard(card_id, caller.account_id, changes, cause.now)
    return await carry_out(
        service, card_id, command, cause, owner=caller.account_id, expected=if_match
    )


@router.delete("/{card_id}", status_code=204)
async def delete_card(
    card_id: UUID, caller: Caller, cause: RequestCause, if_match: IfMatch, service: Service
) -> Response:
    """Put the card into the trash; repeating it changes nothing."""
    command = DeleteCard(card_id, caller.account_id, cause.now)
    answer = lambda _, version: Answer(204, None, _headers(card_id, version))  # noqa: E731 (one use)
    handled = await service.kernel.commands.handle(
        CARD, card_id, command, cause, expected=if_match, answer=answer
    )
    return answer_of(handled)


@router.post("/{card_id}/restore", response_model=CardOut)
async def restore_card(
    card_id: UUID, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Take the card out of the trash."""
    command = RestoreCard(card_id, caller.account_id, cause.now)
    return await carry_out(service, card_id, command, cause, owner=caller.account_id)


async def carry_out(
    service: Cards,
    card_id: UUID,
    command: CardCommand,
    cause: Cause,
    *,
    owner: UUID,
    status: int = 200,
    expected: int | None = None,
) -> Response:
    """Answer with the card after the command; `owner` is whose allowance it may touch."""
    try:
        handled = await service.kernel.commands.handle(
            CARD, card_id, command, cause, expected=expected, answer=_shown(service, status)
        )
    except CardLimitReached as refusal:
        allowed = await allowed_cards(service.kernel.database, owner)
        raise CardLimitReached.of(allowed) from refusal
    return answer_of(handled)


def _shown(service: Cards, status: int) -> Callable[[CardState, int], Answer]:
    def answer(state: CardState, version: int) -> Answer:
        assert isinstance(state, Card)
        headers = _headers(state.card_id, version)
        if status == 201:
            headers["Location"] = f"/api/v1/cards/{state.card_id}"
        face = face_of(state, version)
        return Answer(status, card_out(face, service.public_url, state.created_at, None), headers)

    return answer


def _headers(card_id: UUID, version: int) -> dict[str, str]:
    return {"ETag": etag(version), "Cache-Tags": f"card/{card_id}"}


def _row_out(service: Cards, row: CardRow) -> dict[str, object]:
    return card_out(row.face(), service.public_url, row.created_at, row.deleted_at)
