"""HTTP for what happened to the caller's account, and for all that is held about the caller."""

from typing import Annotated

from common.service import Caller, Now
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from auth.accounts.routes import own_account
from auth.personal_data_export import Export, Exporter
from auth.resources import Service
from auth.views.what_happened_to_an_account import LONGEST_CURSOR, Activity, activity_of

router = APIRouter(tags=["activity"])

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[str | None, Query(max_length=LONGEST_CURSOR)]


class ActivityLog(BaseModel):
    """The newest of what happened; `next` leads to what is older."""

    items: list[Activity]
    next: str | None


@router.get("/api/v1/auth/activity", response_model=ActivityLog)
async def read_activity(
    caller: Caller, service: Service, limit: Limit = 20, after: After = None
) -> Response:
    """What happened to the caller's account, newest first."""
    await own_account(service, caller.account_id)
    rows, cursor = await activity_of(
        service.kernel.database, caller.account_id, limit=limit, after=after
    )
    log = ActivityLog(items=[row.told() for row in rows], next=cursor)
    return JSONResponse(log.model_dump(mode="json"), headers={"Cache-Control": "private, no-store"})


async def _exporter(request: Request) -> Exporter:
    exporter: Exporter = request.app.state.exporter
    return exporter


@router.get("/api/v1/auth/me/export", response_model=Export)
async def export_me(
    caller: Caller, now: Now, service: Service, exporter: Annotated[Exporter, Depends(_exporter)]
) -> Response:
    """All that is held about the caller, from all services, as one file.

    A service that is away makes the file say so in `partial`: ask again later.
    """
    account = await own_account(service, caller.account_id)
    export = await exporter.export(account, now)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": 'attachment; filename="cartulary-export.json"',
    }
    return JSONResponse(export.model_dump(mode="json"), headers=headers)
