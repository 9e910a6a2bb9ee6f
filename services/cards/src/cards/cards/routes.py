"""HTTP for the owner of cards: make, read, change, list, delete, restore."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from common.command_handling import Answer
from common.email_addresses import EmailAddress
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.kernel import Kernel
from common.problems import NotFound
from common.service import Caller, IfMatch, Page, Paging, etag, not_modified
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from cards.cards.commands import CardCommand, ChangeCard, CreateCard, DeleteCard, RestoreCard
from cards.cards.decider import CARD, Card, CardState
from cards.cards.events import CardDetails
from cards.cards.read_model import CardRow, cards_of, live_card

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


def _web_address(text: str | None) -> str | None:
    if text and not text.lower().startswith(("http://", "https://")):
        raise PydanticCustomError("url", "A website begins with https:// or http://.")
    return text or None


def _printable(text: str | None) -> str | None:
    if text and any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise PydanticCustomError("control_character", "Control characters are not allowed.")
    return text


def _line(text: str) -> str:
    if not text.strip() or "\n" in text:
        raise PydanticCustomError("one_line", "One line of text is needed.")
    return text.strip()


Line = Annotated[str, Field(max_length=100), AfterValidator(_printable), AfterValidator(_line)]
Short = Annotated[str | None, Field(max_length=200), AfterValidator(_printable)]
Text = Annotated[str | None, Field(max_length=2_000), AfterValidator(_printable)]
Website = Annotated[str | None, Field(max_length=500), AfterValidator(_web_address)]


class NewCard(BaseModel):
    """What a new card says, or all that a card says from now on."""

    name: Line
    title: Line
    email: EmailAddress
    phone: Short = None
    company: Short = None
    website: Website = None
    linkedin: Short = None
    instagram: Short = None
    bio: Text = None
    address: Short = None


class CardChanges(NewCard):
    """The fields that change; `null` empties one that may be empty. What is left out stays."""

    name: Line = ""
    title: Line = ""
    email: EmailAddress = ""


class CardOut(NewCard):
    """A card as its owner sees it."""

    id: UUID
    url: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


@router.post("/", status_code=201, response_model=CardOut)
@router.post("", status_code=201, response_model=CardOut, include_in_schema=False)
async def create_card(
    body: NewCard, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Make a card."""
    id = uuid7()
    command = CreateCard(id, caller.account_id, CardDetails(**body.model_dump()), cause.now)
    return await _handle(service, id, command, cause, status=201)


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
    page = {
        "items": [_row_out(service, row) for row in rows],
        "page": paging.page,
        "per_page": paging.per_page,
        "total": total,
    }
    return JSONResponse(page, headers={"Cache-Control": "private, no-store"})


@router.get("/{card_id}", response_model=CardOut)
async def get_card(request: Request, card_id: UUID, caller: Caller, service: Service) -> Response:
    """One of the caller's cards."""
    row = await live_card(service.kernel.database, card_id)
    if row is None or row.owner_id != caller.account_id:
        raise NotFound
    headers = {
        "Cache-Tags": f"card/{card_id}",
        "Cache-Control": "private",
        "ETag": etag(row.version),
    }
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(_row_out(service, row), headers=headers)


@router.put("/{card_id}", response_model=CardOut)
async def replace_card(
    card_id: UUID,
    body: NewCard,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Let the card say this and nothing else."""
    changes = tuple(body.model_dump().items())
    command = ChangeCard(card_id, caller.account_id, changes, cause.now)
    return await _handle(service, card_id, command, cause, expected=if_match)


@router.patch("/{card_id}", response_model=CardOut)
async def change_card(
    card_id: UUID,
    body: CardChanges,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Change some of what the card says."""
    changes = tuple(body.model_dump(exclude_unset=True).items())
    command = ChangeCard(card_id, caller.account_id, changes, cause.now)
    return await _handle(service, card_id, command, cause, expected=if_match)


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
    return await _handle(service, card_id, command, cause)


async def _handle(
    service: Cards,
    card_id: UUID,
    command: CardCommand,
    cause: Cause,
    *,
    status: int = 200,
    expected: int | None = None,
) -> Response:
    handled = await service.kernel.commands.handle(
        CARD, card_id, command, cause, expected=expected, answer=_shown(service, status)
    )
    return answer_of(handled)


def _shown(service: Cards, status: int) -> Callable[[CardState, int], Answer]:
    def answer(state: CardState, version: int) -> Answer:
        assert isinstance(state, Card)
        headers = _headers(state.card_id, version)
        if status == 201:
            headers["Location"] = f"/api/v1/cards/{state.card_id}"
        body = _out(
            service, state.card_id, asdict(state.details), state.created_at, state.updated_at, None
        )
        return Answer(status, body, headers)

    return answer


def _headers(card_id: UUID, version: int) -> dict[str, str]:
    return {"ETag": etag(version), "Cache-Tags": f"card/{card_id}"}


def _row_out(service: Cards, row: CardRow) -> dict[str, Any]:
    return _out(service, row.card_id, row.details, row.created_at, row.updated_at, row.deleted_at)


def _out(
    service: Cards,
    id: UUID,
    details: dict[str, Any],
    created_at: datetime,
    updated_at: datetime,
    deleted_at: datetime | None,
) -> dict[str, Any]:
    values: dict[str, Any] = {
        **{field.name: details.get(field.name) for field in fields(CardDetails)},
        "id": id,
        "url": f"{service.public_url}/view/{id}",
        "created_at": created_at,
        "updated_at": updated_at,
        "deleted_at": deleted_at,
    }
    # what is stored was checked when it came in, and must stay readable when the checks change
    return CardOut.model_construct(**values).model_dump(mode="json")
