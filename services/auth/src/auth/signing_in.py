"""Beginning a session and handing out its tokens: by registering, logging in, refreshing."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from common.access_tokens import ACCESS_LIFETIME, sign_access_token
from common.command_handling import Answer
from common.database import Transaction
from common.ids import uuid7
from common.service import ClientAddress, etag
from fastapi import Depends, Header
from pydantic import BaseModel

from auth.accounts.decider import AccountIsSuspended
from auth.accounts.read_model import AccountRow, held_account
from auth.accounts.routes import User, user_of
from auth.devices import device_name
from auth.resources import Auth, InvalidCredentials
from auth.sessions.commands import RefreshSession, StartSession
from auth.sessions.decider import InvalidRefreshToken, Live, refresh_proof
from auth.throttling import address_block

_ID, _COUNTER, _PROOF = 16, 4, 32
NO_STORE = {"Cache-Control": "no-store"}


class Tokens(BaseModel):
    """An access token for ten minutes, and the token that is worth the next pair, once."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())
    refresh_token: str


class SignedIn(Tokens):
    """A pair of tokens and whose it is."""

    user: User


@dataclass(frozen=True)
class Device:
    """What a session is recognised by: a name, and coarsely where it is."""

    name: str
    place: str


async def _device(address: ClientAddress, user_agent: Annotated[str, Header()] = "") -> Device:
    return Device(device_name(user_agent), address_block(address))


ThisDevice = Annotated[Device, Depends(_device)]


def new_session(account_id: UUID, device: Device, now: datetime) -> StartSession:
    """The command that begins a session; with a secret that nobody has seen."""
    secret = urlsafe_b64encode(os.urandom(32)).decode()
    return StartSession(uuid7(), account_id, secret, device.name, device.place, now)


@dataclass(frozen=True)
class StillSo:
    """Checks, under a lock on the account, that what a login has found out still holds.

    Raises `InvalidCredentials` after the password was changed, `AccountIsSuspended`.
    """

    row: AccountRow

    async def __call__(self, transaction: Transaction) -> None:
        """Check it."""
        now = await held_account(transaction, self.row.account_id)
        if now is None or now.password_hash != self.row.password_hash:
            raise InvalidCredentials
        if now.suspended_at is not None:
            raise AccountIsSuspended


def signed_in(service: Auth, row: AccountRow, begun: StartSession, status: int) -> Answer:
    """The answer to who has just come in."""
    at = begun.now
    session = Live(begun.session_id, begun.account_id, begun.secret, 0, at, at)
    pair = token_pair(service, session, frozenset(row.roles), at)
    body = SignedIn(**pair.model_dump(), user=user_of(row))
    headers = {**NO_STORE, "ETag": etag(row.version)}
    return Answer(status, body.model_dump(mode="json"), headers)


def token_pair(service: Auth, session: Live, roles: frozenset[str], now: datetime) -> Tokens:
    """The session's newest refresh token, and an access token."""
    access = sign_access_token(
        service.keys.current,
        account_id=session.account_id,
        session_id=session.session_id,
        roles=roles,
        issuer=service.settings.token_issuer,
        audience=service.settings.token_audience,
        now=now,
    )
    number = session.counter.to_bytes(_COUNTER)
    raw = session.session_id.bytes + number + refresh_proof(session, session.counter)
    return Tokens(access_token=access, refresh_token=urlsafe_b64encode(raw).rstrip(b"=").decode())


def refresh_of(token: str, now: datetime) -> RefreshSession:
    """The command that a refresh token stands for. Raises `InvalidRefreshToken` for other texts."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise InvalidRefreshToken from None
    if len(raw) != _ID + _COUNTER + _PROOF:
        raise InvalidRefreshToken
    counter = int.from_bytes(raw[_ID : _ID + _COUNTER])
    return RefreshSession(UUID(bytes=raw[:_ID]), counter, raw[_ID + _COUNTER :], now)
