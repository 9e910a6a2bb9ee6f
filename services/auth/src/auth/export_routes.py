"""HTTP for administrators: a copy of all accounts, and a note of who took it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Literal

from common.idempotency import RequestCause
from common.ids import uuid7
from common.service import Admin
from common.table_export import Format, download
from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from auth.admin_routes import AdministeredUser, administered
from auth.exports.commands import ExportUsers
from auth.exports.decider import EXPORT
from auth.resources import Auth, Service
from auth.views.which_accounts_there_are import every_account

router = APIRouter(prefix="/api/v1/admin", tags=["administration"])

COLUMNS = tuple(AdministeredUser.model_fields)


@router.get("/export", response_class=StreamingResponse)
async def export_users(
    admin: Admin,
    cause: RequestCause,
    service: Service,
    model: Literal["users"],
    format: Format = "json",
) -> Response:
    """A copy of all accounts, without passwords. Who took it is recorded before it begins."""
    id = uuid7()
    command = ExportUsers(id, admin.account_id, format, cause.now)
    # each copy is one more: no Idempotency-Key makes it the same as the one before
    this_time = replace(cause, command_id=uuid7(), fingerprint=None)
    await service.kernel.commands.handle(EXPORT, id, command, this_time)
    return download(_told(service), name=model, columns=COLUMNS, format=format, now=cause.now)


async def _told(service: Auth) -> AsyncIterator[dict[str, Any]]:
    async for row in every_account(service.kernel.database):
        yield administered(row).model_dump(mode="json")
