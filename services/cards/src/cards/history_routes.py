"""HTTP for a card's past: what was changed when, and back to what it said."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from common.idempotency import RequestCause
from common.problems import Invalid, NotFound
from common.service import Caller, IfMatch
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from cards.card_form import CardOut
from cards.card_history import Moment, What, past
from cards.cards.commands import ChangeCard
from cards.cards.decider import CARD, Card
from cards.cards.events import CardEvent
from cards.cards.routes import Cards, Service, carry_out

router = APIRouter(prefix="/api/v1/cards/{card_id}", tags=["cards"])

LATEST_VERSION = 2**31 - 1


class VersionUnknown(Invalid):
    """The card has never been at this version."""

    code = "version_unknown"
    detail = "The card has no such version; its history names those that it has."


class ChangeOut(BaseModel):
    """One field, before and after."""

    field: str
    before: Any
    after: Any


class MomentOut(BaseModel):
    """What happened to the card."""

    version: int
    at: datetime
    what: What
    changes: list[ChangeOut]


class HistoryOut(BaseModel):
    """The newest moments first; `next` is the `after` of those before them."""

    items: list[MomentOut]
    next: str | None


class Undo(BaseModel, json_schema_extra={"examples": [{"version": 2}]}):
    """The version whose words shall stand on the card again."""

    version: Annotated[int, Field(ge=1, le=LATEST_VERSION)]


@router.get("/history", response_model=HistoryOut)
async def card_history(
    card_id: UUID,
    caller: Caller,
    service: Service,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[int, Query(ge=1, le=LATEST_VERSION)] = LATEST_VERSION,
) -> Response:
    """What has happened to one of the caller's cards."""
    moments = [m for m in await _past(service, card_id, caller.account_id) if m.version < after]
    items = moments[-limit:][::-1]
    more = len(moments) > len(items)
    page = {"items": [_out(m) for m in items], "next": str(items[-1].version) if more else None}
    return JSONResponse(page, headers={"Cache-Control": "private, no-store"})


@router.post("/undo", response_model=CardOut)
async def undo_card_changes(
    card_id: UUID,
    body: Undo,
    caller: Caller,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Let the card say what it said at an earlier version.

    Who finds it, and under which handle, stays: what was hidden since must not come to light.
    """
    moments = await _past(service, card_id, caller.account_id)
    if body.version > len(moments):
        raise VersionUnknown
    details = moments[body.version - 1].details
    assert details is not None  # only an erased card says nothing
    command = ChangeCard(card_id, caller.account_id, tuple(vars(details).items()), cause.now)
    return await carry_out(
        service, card_id, command, cause, owner=caller.account_id, expected=if_match
    )


async def _past(service: Cards, card_id: UUID, owner: UUID) -> Sequence[Moment]:
    kernel = service.kernel
    async with kernel.database.reader() as reader:
        stream = await kernel.store.load(reader, CARD.stream(card_id))
    events: Sequence[CardEvent] = stream.events
    card = CARD.fold(events)
    if not isinstance(card, Card) or card.owner_id != owner:
        raise NotFound
    return list(past(events))


def _out(moment: Moment) -> dict[str, Any]:
    told: dict[str, Any] = to_jsonable_python(
        {
            "version": moment.version,
            "at": moment.at,
            "what": moment.what,
            "changes": moment.changes,
        }
    )
    return told
