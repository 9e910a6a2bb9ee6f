"""HTTP for coming in and going: register, log in, refresh, end the other sessions, leave for good.

These touch account and sessions at once, so they stand above both.
"""

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from common.database import Transaction
from common.email_addresses import EmailAddress
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.languages import spoken
from common.service import Caller, Now
from fastapi import APIRouter, Header
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import EraseAccount, RegisterAccount, RehashPassword
from auth.accounts.decider import ACCOUNT, AccountIsSuspended
from auth.accounts.read_model import AccountRow, account_by_id, account_by_login
from auth.accounts.routes import Locale, Name, Username, own_account, tagged
from auth.passwords import check_password
from auth.profiles.commands import EraseProfile
from auth.profiles.decider import PROFILE
from auth.resources import (
    Auth,
    InvalidCredentials,
    Password,
    PasswordGuess,
    Service,
    WrongPassword,
)
from auth.sessions.decider import SESSION, InvalidRefreshToken, Live
from auth.sessions.read_model import lock_session
from auth.signing_in import (
    NO_STORE,
    SignedIn,
    StillSo,
    ThisDevice,
    Tokens,
    new_session,
    refresh_of,
    signed_in,
    token_pair,
)
from auth.signing_out import SigningOut, part_of, sessions_unit

router = APIRouter(tags=["entry"])


class Registration(
    BaseModel,
    json_schema_extra={
        "examples": [
            {"email": "ann@example.org", "password": "a long enough secret", "name": "Ann Onym"}
        ]
    },
):
    """A new account. Without `locale` the language is what the browser asks for."""

    email: EmailAddress
    password: Password
    username: Username | None = None
    name: Name | None = None
    locale: Locale | None = None


class Login(
    BaseModel,
    json_schema_extra={
        "examples": [{"email": "ann@example.org", "password": "a long enough secret"}]
    },
):
    """Either `email` or `username`, and the password."""

    email: Annotated[str, Field(max_length=254)] | None = None
    username: Annotated[str, Field(max_length=254)] | None = None
    password: Password


class Refresh(
    BaseModel, json_schema_extra={"examples": [{"refresh_token": "what the login answered"}]}
):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, Field(max_length=1024)]


class Farewell(BaseModel, json_schema_extra={"examples": [{"password": "a long enough secret"}]}):
    """The password, so that a borrowed token cannot erase anybody."""

    password: Password


@router.post("/api/v1/auth/register", status_code=201, response_model=SignedIn)
async def register(
    body: Registration,
    cause: RequestCause,
    device: ThisDevice,
    service: Service,
    accept_language: Annotated[str, Header()] = "",
) -> Response:
    """Open an account and log in. A mail asks to confirm the address."""
    locale = body.locale or spoken(re.split("[,;]", accept_language)[0].strip())
    command = await _registration(service, body, locale, cause.now)
    id = command.account_id
    begun = new_session(id, device, cause.now)
    by_them = replace(cause, actor=id)

    async def log_in(transaction: Transaction) -> None:
        beside = part_of(by_them, begun.session_id)
        await service.kernel.commands.handle_in(
            transaction, SESSION, begun.session_id, begun, beside
        )

    handled = await service.kernel.commands.handle(
        ACCOUNT,
        id,
        command,
        by_them,
        answer=lambda _, version: signed_in(service, _row(command, version), begun, 201),
        then=log_in,
    )
    return answer_of(handled)


@router.post("/api/v1/auth/login", response_model=SignedIn)
async def login(
    body: Login, cause: RequestCause, device: ThisDevice, guess: PasswordGuess, service: Service
) -> Response:
    """Exchange a password for tokens. Too many tries are slowed down, never shut out."""
    name = body.email or body.username or ""
    index = service.email_index(name)
    row = await account_by_login(service.kernel.database, index, name)
    known = row.password_hash if row else None
    right = await guess.right(row.account_id if row else index, body.password, known)
    if row is None or not right:
        raise InvalidCredentials
    if row.suspended_at is not None:
        raise AccountIsSuspended
    row = await _rehashed(service, row, body.password.get_secret_value(), cause)
    begun = new_session(row.account_id, device, cause.now)
    handled = await service.kernel.commands.handle(
        SESSION,
        begun.session_id,
        begun,
        replace(cause, actor=row.account_id),
        answer=lambda *_: signed_in(service, row, begun, 200),
        then=StillSo(row),
    )
    response = answer_of(handled)
    response.headers.update(guess.headers)
    return response


@router.post("/api/v1/auth/refresh", response_model=Tokens)
async def refresh(body: Refresh, now: Now, service: Service) -> Response:
    """Exchange a refresh token for the next pair.

    The token just exchanged gives the same successor for ten seconds: requests may meet and answers
    be lost. Any other reuse ends the session and is told to its owner.
    """
    command = refresh_of(body.refresh_token, now)
    id = command.session_id
    kernel = service.kernel
    async with sessions_unit(kernel) as transaction:
        # lock first, then decide: of two requests the second sees what the first one did
        owner = await lock_session(transaction, id)
        if owner is None:
            raise InvalidRefreshToken
        cause = Cause(uuid7(), now, actor=owner)
        handled = await kernel.commands.handle_in(transaction, SESSION, id, command, cause)
    row = await account_by_id(kernel.database, owner)
    if not isinstance(handled.state, Live) or row is None:
        raise InvalidRefreshToken
    pair = token_pair(service, handled.state, frozenset(row.roles), now)
    return JSONResponse(pair.model_dump(mode="json"), headers=NO_STORE)


@router.delete("/api/v1/auth/sessions", status_code=204)
async def end_other_sessions(cause: RequestCause, caller: Caller, service: Service) -> Response:
    """End all sessions of the caller but this one."""
    kernel = service.kernel
    ending = SigningOut(kernel, caller.account_id, "ended_by_user", cause, caller.session_id)
    async with sessions_unit(kernel) as transaction:
        await ending(transaction)
    return Response(status_code=204)


@router.delete("/api/v1/auth/me", status_code=204)
async def erase_me(
    body: Farewell, cause: RequestCause, caller: Caller, guess: PasswordGuess, service: Service
) -> Response:
    """Erase the caller: here at once, in all other services by a message."""
    id = caller.account_id
    row = await own_account(service, id)
    if not await guess.right(id, body.password, row.password_hash):
        raise WrongPassword
    kernel = service.kernel
    ending = SigningOut(kernel, id, "erased", cause)

    async def forget(transaction: Transaction) -> None:
        await ending(transaction)
        profile = EraseProfile(id, cause.now)
        await kernel.commands.handle_in(transaction, PROFILE, id, profile, part_of(cause, id))
        await kernel.store.keys.erase(transaction, id, cause.now)

    await kernel.commands.handle(ACCOUNT, id, EraseAccount(id, cause.now), cause, then=forget)
    return Response(status_code=204, headers=tagged(id))


async def _registration(
    service: Auth, body: Registration, locale: str, now: datetime
) -> RegisterAccount:
    """The command. Raises `WeakPassword`."""
    password = body.password.get_secret_value()
    check_password(password, email=body.email, name=body.name or body.username)
    return RegisterAccount(
        account_id=uuid7(),
        email=body.email,
        email_index=service.email_index(body.email),
        username=body.username,
        name=body.name,
        locale=locale,
        password_hash=await service.passwords.hash(password),
        verification_id=uuid7(),
        now=now,
    )


async def _rehashed(service: Auth, row: AccountRow, password: str, cause: Cause) -> AccountRow:
    """The account, its password hashed under today's parameters: now is when we know it."""
    if not service.passwords.is_outdated(row.password_hash):
        return row
    hashed = await service.passwords.hash(password)
    command = RehashPassword(row.account_id, row.password_hash, hashed, cause.now)
    handled = await service.kernel.commands.handle(
        ACCOUNT, row.account_id, command, part_of(cause, row.account_id)
    )
    return replace(row, password_hash=hashed, version=handled.version)


def _row(command: RegisterAccount, version: int) -> AccountRow:
    """The account as it will be read, for an answer that is written with it."""
    return AccountRow(
        account_id=command.account_id,
        version=version,
        email=command.email,
        email_index=command.email_index,
        verified_at=None,
        username=command.username,
        username_folded=None,
        name=command.name,
        locale=command.locale,
        password_hash=command.password_hash,
        roles=["user"],
        suspended_at=None,
        registered_at=command.now,
    )
