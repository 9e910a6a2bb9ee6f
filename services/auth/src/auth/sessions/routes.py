"""HTTP for sessions: which there are, ending one, logging out; and what gateways must know."""

from datetime import datetime
from secrets import compare_digest
from typing import Annotated
from uuid import UUID

from common.access_tokens import ACCESS_LIFETIME
from common.command_handling import Answer
from common.idempotency import RequestCause, answer_of
from common.problems import Forbidden
from common.service import Caller, Now, Page, Paging
from fastapi import APIRouter, Header
from pydantic import BaseModel
from starlette.responses import Response

from auth.resources import Service
from auth.sessions.commands import EndSession
from auth.sessions.decider import IDLE, LONGEST, SESSION
from auth.sessions.read_model import ended_since, live_sessions

router = APIRouter(tags=["sessions"])


class Session(BaseModel):
    """One login on one device. `place` is the block of addresses that it came from."""

    id: UUID
    device: str
    place: str
    started_at: datetime
    used_at: datetime
    current: bool


class Ended(BaseModel):
    """A session whose last access token expires at `tokens_expire_at`."""

    session_id: UUID
    tokens_expire_at: datetime


@router.get("/api/v1/auth/sessions")
async def list_sessions(caller: Caller, page: Paging, now: Now, service: Service) -> Page[Session]:
    """The caller's sessions that can still be refreshed, the one used last first."""
    rows = await live_sessions(
        service.kernel.database,
        caller.account_id,
        used_after=now - IDLE,
        started_after=now - LONGEST,
    )
    items = [
        Session(
            id=row.session_id,
            device=row.device,
            place=row.place,
            started_at=row.started_at,
            used_at=row.used_at,
            current=row.session_id == caller.session_id,
        )
        for row in rows[page.offset : page.offset + page.per_page]
    ]
    return Page(items=items, page=page.page, per_page=page.per_page, total=len(rows))


@router.delete("/api/v1/auth/sessions/{session_id}", status_code=204)
async def end_session(
    session_id: UUID, cause: RequestCause, caller: Caller, service: Service
) -> Response:
    """End one of the caller's sessions; its access token stops within a second, too."""
    command = EndSession(
        session_id, caller.account_id, "ended_by_user", caller.account_id, cause.now
    )
    handled = await service.kernel.commands.handle(
        SESSION, session_id, command, cause, answer=_done
    )
    return answer_of(handled)


@router.post("/api/v1/auth/logout", status_code=204)
async def log_out(cause: RequestCause, caller: Caller, service: Service) -> Response:
    """End this session."""
    id = caller.session_id
    command = EndSession(id, caller.account_id, "logout", caller.account_id, cause.now)
    handled = await service.kernel.commands.handle(SESSION, id, command, cause, answer=_done)
    return answer_of(handled)


def _done(*_: object) -> Answer:
    return Answer(204, None)


@router.get("/internal/ended-sessions", include_in_schema=False)
async def ended_sessions(
    now: Now, service: Service, authorization: Annotated[str, Header()] = ""
) -> list[Ended]:
    """Sessions whose access tokens may still be about, for a gateway that has just started.

    Never routed outside; the shared internal secret says who may ask.
    """
    secret = service.settings.internal_secret.get_secret_value()
    if not compare_digest(authorization.encode(), f"Bearer {secret}".encode()):
        raise Forbidden
    rows = await ended_since(service.kernel.database, now - ACCESS_LIFETIME)
    return [
        Ended(session_id=row.session_id, tokens_expire_at=row.ended_at + ACCESS_LIFETIME)
        for row in rows
    ]
