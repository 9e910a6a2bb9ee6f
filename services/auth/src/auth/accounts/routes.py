"""HTTP for the caller's own account: read it, rename it; and the keys that tokens are read with."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from common.access_tokens import jwks
from common.command_handling import Answer
from common.facts import UNSET
from common.idempotency import RequestCause, answer_of
from common.problems import NotFound
from common.service import Caller, IfMatch, etag, not_modified
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import RenameAccount
from auth.accounts.decider import ACCOUNT, Account, AccountState
from auth.accounts.read_model import AccountRow, account_by_id
from auth.resources import Auth, Service

router = APIRouter(tags=["accounts"])

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """The text, which goes into mails: neither line breaks and other controls nor what turns the
    direction of what follows. Raises `PydanticCustomError`."""
    if _UNFIT.search(text):
        raise PydanticCustomError("one_line", "One line of text is needed.")
    return text


Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,29}$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(one_line),
]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$", examples=["en", "fr-CA"])]


class Renaming(BaseModel, json_schema_extra={"examples": [{"name": "Ann Onym", "locale": "fr"}]}):
    """What is left out stays; null takes username or name away."""

    username: Username | None = None
    name: Name | None = None
    locale: Locale = "en"


class User(BaseModel):
    """An account as its owner sees it."""

    id: UUID
    email: str
    email_verified: bool
    username: str | None
    name: str | None
    locale: str
    roles: list[str]
    created_at: datetime


@router.get("/api/v1/auth/me", response_model=User)
async def me(request: Request, caller: Caller, service: Service) -> Response:
    """The caller's account."""
    row = await own_account(service, caller.account_id)
    headers = {**tagged(row.account_id), "Cache-Control": "private", "ETag": etag(row.version)}
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(user_of(row).model_dump(mode="json"), headers=headers)


@router.patch("/api/v1/auth/me", response_model=User)
async def rename_me(
    body: Renaming, cause: RequestCause, caller: Caller, expected: IfMatch, service: Service
) -> Response:
    """Change username, name or language; roles, address and password have ways of their own."""
    row = await own_account(service, caller.account_id)
    sent = body.model_dump(exclude_unset=True)
    command = RenameAccount(
        row.account_id,
        sent.get("username", UNSET),
        sent.get("name", UNSET),
        sent.get("locale", UNSET),
        by=caller.account_id,
        now=cause.now,
    )
    handled = await service.kernel.commands.handle(
        ACCOUNT,
        row.account_id,
        command,
        cause,
        expected=expected,
        answer=lambda state, version: _renamed(row, state, version),
    )
    return answer_of(handled)


@router.get("/.well-known/jwks.json", tags=["keys"])
async def well_known_keys(service: Service) -> Response:
    """The keys that access tokens are verified with."""
    return JSONResponse(jwks(service.keys.public), headers={"Cache-Control": "public, max-age=300"})


def _renamed(before: AccountRow, state: AccountState, version: int) -> Answer:
    assert isinstance(state, Account)
    names = {"username": state.username, "name": state.name, "locale": state.locale}
    user = user_of(before).model_copy(update=names)
    headers = {**tagged(before.account_id), "ETag": etag(version)}
    return Answer(200, user.model_dump(mode="json"), headers)


async def own_account(service: Auth, id: UUID) -> AccountRow:
    """The caller's account. Raises `NotFound` when it was erased a moment ago."""
    row = await account_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    return row


def tagged(id: UUID) -> dict[str, str]:
    """What the gateway's cache drops when the account changes."""
    return {"Cache-Tags": f"account/{id}"}


def done(id: UUID, status: int = 204, body: object = None) -> Callable[..., Answer]:
    """The answer to a change of the account that shows nothing of it."""
    return lambda *_: Answer(status, body, tagged(id))


def user_of(row: AccountRow) -> User:
    """What the owner sees of it."""
    return User(
        id=row.account_id,
        email=row.email,
        email_verified=row.verified_at is not None,
        username=row.username,
        name=row.name,
        locale=row.locale,
        roles=row.roles,
        created_at=row.registered_at,
    )
