"""HTTP for counters: somebody came; its owner reads how many."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from common.database import Database
from common.problems import NotFound
from common.service import Caller, MaybeCaller, Now
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from cards.counters.events import Counts, Kind
from cards.counters.read_model import DayOfVisits, visits_of, visits_of_all
from cards.visits_chart import chart

router = APIRouter(prefix="/api/v1", tags=["counters"])


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of somebody for a moment; only a hash of it goes further."""

    address: str
    agent: str
    account_id: UUID | None = None


OwnerOf = Callable[[UUID, UUID | None], Awaitable[UUID | None]]
"""Whose card it is; None when there is none that this reader, if known, may see."""

CardsOf = Callable[[UUID], Awaitable[Sequence[UUID]]]
"""Somebody's cards, without those in the trash."""

Note = Callable[[Kind, UUID, Visitor], Awaitable[None]]
"""Notes a visit for the next batch."""


@dataclass(frozen=True)
class Counters:
    """What the routes work with; made in `main`."""

    database: Database
    owner_of: OwnerOf
    note: Note
    cards_of: CardsOf

    async def count(self, kind: Kind, card_id: UUID, owner_id: UUID, visitor: Visitor) -> None:
        """Note a visit, unless it is the owner's own."""
        if visitor.account_id != owner_id:
            await self.note(kind, card_id, visitor)


async def _counters(request: Request) -> Counters:
    counters: Counters = request.app.state.counters
    return counters


async def _visitor(request: Request, caller: MaybeCaller) -> Visitor:
    client = request.client.host if request.client else ""
    # the gateway removes what callers say here, and writes where they really are
    address = request.headers.get("x-forwarded-for", client)
    agent = request.headers.get("user-agent", "")[:400]
    return Visitor(address, agent, caller.account_id if caller else None)


Service = Annotated[Counters, Depends(_counters)]
ThisVisitor = Annotated[Visitor, Depends(_visitor)]


class ScanOut(BaseModel):
    """A scan that was taken in."""

    card_id: UUID
    day: date


class DayOut(BaseModel):
    """How many visitors did what on a day."""

    day: date
    views: int
    scans: int
    downloads: int
    clicks: int


class AllStatsOut(BaseModel):
    """What counters say. Days are in UTC, oldest first, days without a visitor too."""

    total: Counts
    days: list[DayOut]


class StatsOut(AllStatsOut):
    """What a card's counters say."""

    card_id: UUID


Days = Annotated[int, Query(ge=1, le=366, description="How many days, today included")]


@router.post("/cards/{card_id}/scan", status_code=201, response_model=ScanOut)
async def scan_card(card_id: UUID, visitor: ThisVisitor, now: Now, service: Service) -> ScanOut:
    """Tell that the QR code was scanned. Counted once a day for each visitor, however often sent
    (CP-20 counts every call); robots and the owner are not counted."""
    owner_id = await service.owner_of(card_id, visitor.account_id)
    if owner_id is None:
        raise NotFound
    await service.count("scans", card_id, owner_id, visitor)
    return ScanOut(card_id=card_id, day=now.date())


_DRAWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}


@router.get("/cards/{card_id}/stats", response_model=StatsOut, responses=_DRAWN)
async def card_stats(
    card_id: UUID,
    caller: Caller,
    now: Now,
    service: Service,
    days: Days = 30,
    format: Annotated[Literal["json", "svg"], Query(description="`svg` draws the days")] = "json",
) -> Response:
    """How many came to one of the caller's cards; a visit shows after a second."""
    if await service.owner_of(card_id, caller.account_id) != caller.account_id:
        raise NotFound
    first = now.date() - timedelta(days=days - 1)
    found, total = await visits_of(service.database, card_id, since=first)
    shown = _every_day(first, days, found)
    headers = {"Cache-Control": "private, no-store"}
    if format == "svg":
        drawn = chart([(day.day, day.counts.views, day.counts.scans) for day in shown])
        return Response(drawn, headers=headers, media_type="image/svg+xml")
    return JSONResponse({"card_id": str(card_id), **_told(total, shown)}, headers=headers)


@router.get("/user/visits", response_model=AllStatsOut)
async def visits_of_my_cards(
    caller: Caller, now: Now, service: Service, days: Days = 30
) -> Response:
    """How many came to the caller's cards, all together; those in the trash do not count."""
    first = now.date() - timedelta(days=days - 1)
    cards = await service.cards_of(caller.account_id)
    found, total = await visits_of_all(service.database, cards, since=first)
    shown = _every_day(first, days, found)
    return JSONResponse(_told(total, shown), headers={"Cache-Control": "private, no-store"})


def _told(total: Counts, days: Sequence[DayOfVisits]) -> dict[str, Any]:
    return {
        "total": asdict(total),
        "days": [{"day": day.day.isoformat(), **asdict(day.counts)} for day in days],
    }


def _every_day(first: date, days: int, found: Sequence[DayOfVisits]) -> list[DayOfVisits]:
    counts = {day.day: day.counts for day in found}
    every = (first + timedelta(days=n) for n in range(days))
    return [DayOfVisits(day, counts.get(day, Counts())) for day in every]
