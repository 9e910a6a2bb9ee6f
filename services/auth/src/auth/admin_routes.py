"""HTTP for administrators: accounts, their state, their roles, and what happened to them.

Support may read. Every change says who made it, in the event and so in the account's activity.
No answer is kept with its command: it tells of another person, who may be erased tomorrow.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from common.command_handling import Then
from common.event_store import Cause
from common.facts import UNSET
from common.idempotency import RequestCause
from common.problems import Conflict, NotFound, PreconditionFailed
from common.service import Admin, IfMatch, Page, Paging, Staff, etag, not_modified
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import (
    AccountCommand,
    ActivateAccount,
    RenameAccount,
    SetRoles,
    SuspendAccount,
)
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import AccountRow
from auth.accounts.routes import Renaming, User, own_account, tagged, user_of
from auth.activity_routes import After, Limit
from auth.resources import Auth, Service
from auth.signing_out import SigningOut, sessions_unit
from auth.views.what_happened_to_an_account import activity_of
from auth.views.which_accounts_there_are import Wanted, accounts_found

router = APIRouter(prefix="/api/v1/admin/users", tags=["administration"])

NO_STORE = {"Cache-Control": "private, no-store"}


class OwnAccount(Conflict):
    """Administrators do not shut themselves out."""

    code = "own_account"
    detail = "Ask another administrator to do this to your own account."


class AdministeredUser(User):
    """An account as administrators see it."""

    status: Literal["active", "suspended"]
    suspended_at: datetime | None


class Suspension(
    BaseModel,
    json_schema_extra={"examples": [{"reason": "Sent the same card to a thousand people"}]},
):
    """Why; the owner's data, so it goes when they are erased."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class Roles(BaseModel, json_schema_extra={"examples": [{"roles": ["user", "support"]}]}):
    """All roles from now on; `user` is always one of them."""

    model_config = ConfigDict(extra="forbid")

    roles: Annotated[list[Literal["user", "support", "admin"]], Field(max_length=3)]


class AuditEntry(BaseModel):
    """One thing that happened. `by` is the account that did it, null the system."""

    what: str
    at: datetime
    by: UUID | None
    reason: str | None
    device: str | None


class AuditTrail(BaseModel):
    """The newest of what happened; `next` leads to what is older."""

    items: list[AuditEntry]
    next: str | None


@router.get("", response_model=Page[AdministeredUser])
async def list_users(
    _: Staff,
    paging: Paging,
    service: Service,
    email: Annotated[str | None, Query(max_length=254, description="The whole address")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="A part of address or names")
    ] = None,
    status: Literal["active", "suspended"] | None = None,
) -> Response:
    """Accounts, newest first."""
    wanted = Wanted(
        None if email is None else service.email_index(email.strip()),
        q,
        None if status is None else status == "suspended",
    )
    rows, total = await accounts_found(
        service.kernel.database, wanted, per_page=paging.per_page, skip=paging.offset
    )
    items = [administered(row).model_dump(mode="json") for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=NO_STORE)


@router.get("/{account_id}", response_model=AdministeredUser)
async def get_user(request: Request, account_id: UUID, _: Staff, service: Service) -> Response:
    """One account."""
    row = await own_account(service, account_id)
    headers = {**tagged(account_id), **NO_STORE}
    cached = not_modified(request, etag(row.version), headers)
    return cached or _answer(row)


@router.get("/{account_id}/activity", response_model=AuditTrail)
async def audit_user(
    account_id: UUID, _: Staff, service: Service, limit: Limit = 20, after: After = None
) -> Response:
    """What happened to an account and who did it, newest first; also of one that was erased."""
    database = service.kernel.database
    rows, cursor = await activity_of(database, account_id, limit=limit, after=after)
    if not rows and after is None:
        raise NotFound
    items = [
        AuditEntry(what=row.what, at=row.at, by=row.by, reason=row.reason, device=row.device)
        for row in rows
    ]
    trail = AuditTrail(items=items, next=cursor)
    return JSONResponse(trail.model_dump(mode="json"), headers=NO_STORE)


@router.patch("/{account_id}", response_model=AdministeredUser)
async def rename_user(
    account_id: UUID,
    body: Renaming,
    admin: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Change username, name or language of an account."""
    sent = body.model_dump(exclude_unset=True)
    command = RenameAccount(
        account_id,
        sent.get("username", UNSET),
        sent.get("name", UNSET),
        sent.get("locale", UNSET),
        by=admin.account_id,
        now=cause.now,
    )
    return await _handle(service, account_id, command, cause, expected=if_match)


@router.post("/{account_id}/suspend", response_model=AdministeredUser)
async def suspend_user(
    account_id: UUID,
    admin: Admin,
    cause: RequestCause,
    service: Service,
    body: Suspension | None = None,
) -> Response:
    """Shut an account and end its sessions: no login, no refresh, no token counts any more."""
    _not_oneself(admin.account_id, account_id)
    reason = body.reason if body else None
    command = SuspendAccount(account_id, reason, admin.account_id, cause.now)
    ending = SigningOut(service.kernel, account_id, "suspended", cause)
    return await _handle(service, account_id, command, cause, then=ending)


@router.post("/{account_id}/activate", response_model=AdministeredUser)
async def activate_user(
    account_id: UUID, admin: Admin, cause: RequestCause, service: Service
) -> Response:
    """Open an account again; repeating it changes nothing."""
    command = ActivateAccount(account_id, admin.account_id, cause.now)
    return await _handle(service, account_id, command, cause)


@router.post("/{account_id}/end-sessions", status_code=204)
async def end_sessions(
    account_id: UUID, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Log an account out everywhere."""
    await own_account(service, account_id)
    kernel = service.kernel
    async with sessions_unit(kernel) as transaction:
        await SigningOut(kernel, account_id, "ended_by_admin", cause)(transaction)
    return Response(status_code=204)


@router.put("/{account_id}/roles", response_model=AdministeredUser)
async def set_roles(
    account_id: UUID,
    body: Roles,
    admin: Admin,
    cause: RequestCause,
    if_match: IfMatch,
    service: Service,
) -> Response:
    """Give an account these roles and no others. A change ends its sessions, for their tokens say
    what it could do before."""
    roles = frozenset(body.roles)
    if "admin" not in roles:
        _not_oneself(admin.account_id, account_id)
    row = await own_account(service, account_id)
    command = SetRoles(account_id, roles, admin.account_id, cause.now)
    changes = roles != frozenset(row.roles)
    ending = SigningOut(service.kernel, account_id, "roles_changed", cause)
    try:
        # whether it changes anything holds for the version that was read, and for no other
        return await _handle(
            service,
            account_id,
            command,
            cause,
            expected=row.version if if_match is None else if_match,
            then=ending if changes else None,
        )
    except PreconditionFailed:
        if if_match is None:
            raise Conflict from None
        raise


async def _handle(
    service: Auth,
    account_id: UUID,
    command: AccountCommand,
    cause: Cause,
    *,
    expected: int | None = None,
    then: Then | None = None,
) -> Response:
    handled = await service.kernel.commands.handle(
        ACCOUNT, account_id, command, cause, expected=expected, then=then
    )
    headers = {"Idempotent-Replayed": "true"} if handled.replayed else {}
    return _answer(await own_account(service, account_id), headers)


def _answer(row: AccountRow, more: dict[str, str] | None = None) -> Response:
    headers = {**tagged(row.account_id), **NO_STORE, "ETag": etag(row.version), **(more or {})}
    return JSONResponse(administered(row).model_dump(mode="json"), headers=headers)


def administered(row: AccountRow) -> AdministeredUser:
    """An account as administrators see it."""
    status: Literal["active", "suspended"] = "active" if row.suspended_at is None else "suspended"
    return AdministeredUser(
        **user_of(row).model_dump(), status=status, suspended_at=row.suspended_at
    )


def _not_oneself(admin_id: UUID, account_id: UUID) -> None:
    if admin_id == account_id:
        raise OwnAccount
