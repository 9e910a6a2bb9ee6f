"""HTTP for accounts: register, log in, who am I, leave."""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Annotated
from uuid import UUID

from common.access_tokens import ACCESS_LIFETIME, jwks, sign_access_token
from common.command_handling import Answer
from common.email_addresses import EmailAddress
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.kernel import Kernel
from common.problems import Forbidden, NotFound, Unauthenticated
from common.service import Caller, Now, etag, not_modified
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, SecretStr
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import EraseAccount, RegisterAccount
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import AccountRow, account_by_id, account_by_login
from auth.passwords import Passwords, check_password
from auth.settings import AuthSettings
from auth.signing_keys import SigningKeys

router = APIRouter(tags=["accounts"])

LONGEST_INPUT = 1024
"""Characters of a password that are looked at before anything is hashed."""


@dataclass(frozen=True)
class Accounts:
    """What the routes work with; made in `main`."""

    kernel: Kernel
    passwords: Passwords
    keys: SigningKeys
    settings: AuthSettings

    def email_index(self, email: str) -> str:
        """The keyed hash under which an address is unique; case does not matter."""
        key = self.settings.data_key_bytes
        return blake2b(email.casefold().encode(), key=key, digest_size=20).hexdigest()


async def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


Service = Annotated[Accounts, Depends(_accounts)]


class InvalidCredentials(Unauthenticated):
    """Wrong password or unknown account: nobody is told which."""

    code = "invalid_credentials"
    detail = "E-mail, username or password is wrong."


class WrongPassword(Forbidden):
    """The password that should confirm this is not the account's."""

    code = "wrong_password"
    detail = "The password is wrong."


Password = Annotated[SecretStr, Field(max_length=LONGEST_INPUT)]


class Registration(BaseModel):
    """A new account."""

    email: EmailAddress
    password: Password
    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{2,29}$")] | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class Login(BaseModel):
    """Either `email` or `username`, and the password."""

    email: Annotated[str, Field(max_length=254)] | None = None
    username: Annotated[str, Field(max_length=254)] | None = None
    password: Password


class Farewell(BaseModel):
    """The password, so that a borrowed token cannot erase anybody."""

    password: Password


class User(BaseModel):
    """An account as its owner sees it."""

    id: UUID
    email: str
    username: str | None
    name: str | None
    roles: list[str]
    created_at: datetime


class LoggedIn(BaseModel):
    """A token and whose it is."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())
    user: User


@router.post("/api/v1/auth/register", status_code=201, response_model=LoggedIn)
async def register(body: Registration, cause: RequestCause, service: Service) -> Response:
    """Open an account and log in."""
    password = body.password.get_secret_value()
    check_password(password, email=body.email, name=body.name or body.username)
    hashed = await service.passwords.hash(password)
    index = service.email_index(body.email)
    id = uuid7()
    command = RegisterAccount(id, body.email, index, body.username, body.name, hashed, cause.now)
    user = User(
        id=id,
        email=body.email,
        username=body.username,
        name=body.name,
        roles=["user"],
        created_at=cause.now,
    )
    handled = await service.kernel.commands.handle(
        ACCOUNT,
        id,
        command,
        replace(cause, actor=id),
        answer=lambda _, version: Answer(
            201, _logged_in(service, user, cause.now), {"ETag": etag(version)}
        ),
    )
    return answer_of(handled)


@router.post("/api/v1/auth/login", response_model=LoggedIn)
async def login(body: Login, now: Now, service: Service) -> Response:
    """Exchange a password for a token."""
    name = body.email or body.username or ""
    database = service.kernel.database
    row = await account_by_login(database, service.email_index(name), name)
    right = await service.passwords.matches(
        body.password.get_secret_value(), row.password_hash if row else None
    )
    if row is None or not right:
        raise InvalidCredentials
    return JSONResponse(_logged_in(service, _user(row), now), headers={"Cache-Control": "no-store"})


@router.get("/api/v1/auth/me", response_model=User)
async def me(request: Request, caller: Caller, service: Service) -> Response:
    """The caller's account."""
    row = await account_by_id(service.kernel.database, caller.account_id)
    if row is None:
        raise NotFound
    tags = {"Cache-Tags": f"account/{row.account_id}", "Cache-Control": "private"}
    headers = {**tags, "ETag": etag(row.version)}
    cached = not_modified(request, etag(row.version), headers)
    return cached or JSONResponse(_user(row).model_dump(mode="json"), headers=headers)


@router.delete("/api/v1/auth/me", status_code=204)
async def erase_me(
    body: Farewell, cause: RequestCause, caller: Caller, service: Service
) -> Response:
    """Erase the caller: here at once, in all other services by a message."""
    id = caller.account_id
    kernel = service.kernel
    row = await account_by_id(kernel.database, id)
    if row is None:
        raise NotFound
    if not await service.passwords.matches(body.password.get_secret_value(), row.password_hash):
        raise WrongPassword
    async with kernel.database.transaction() as transaction:
        await kernel.store.keys.erase(transaction, id, cause.now)
        await kernel.commands.handle_in(
            transaction, ACCOUNT, id, EraseAccount(id, cause.now), cause
        )
    return Response(status_code=204, headers={"Cache-Tags": f"account/{id}"})


@router.get("/.well-known/jwks.json", tags=["keys"])
async def well_known_keys(service: Service) -> Response:
    """The keys that access tokens are verified with."""
    return JSONResponse(jwks(service.keys.public), headers={"Cache-Control": "public, max-age=300"})


def _user(row: AccountRow) -> User:
    return User(
        id=row.account_id,
        email=row.email,
        username=row.username,
        name=row.name,
        roles=["user"],
        created_at=row.registered_at,
    )


def _logged_in(service: Accounts, user: User, now: datetime) -> dict[str, object]:
    token = sign_access_token(
        service.keys.current,
        account_id=user.id,
        session_id=uuid7(),
        roles=frozenset(user.roles),
        issuer=service.settings.token_issuer,
        audience=service.settings.token_audience,
        now=now,
    )
    return LoggedIn(access_token=token, user=user).model_dump(mode="json")
