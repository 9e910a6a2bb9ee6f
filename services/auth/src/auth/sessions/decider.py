"""The rules of a session: pure. A refresh token is worth one exchange; a second one gives it away.

Two requests of one client may meet, or an answer may be lost: therefore the token just exchanged
gives the same successor for ten seconds. Every other reuse means that there is a copy.
"""

from base64 import urlsafe_b64decode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, digest
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Conflict, NotFound, Unauthenticated

from auth.sessions.commands import EndSession, RefreshSession, SessionCommand, StartSession
from auth.sessions.events import (
    RefreshTokenReused,
    SessionEnded,
    SessionEvent,
    SessionRefreshed,
    SessionStarted,
)

GRACE = timedelta(seconds=10)
IDLE = timedelta(days=30)
LONGEST = timedelta(days=90)


class AlreadyStarted(Conflict):
    """This id is a session already."""

    code = "already_started"
    detail = "There is a session with this id already."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is no token of ours, or its session is over."""

    code = "invalid_refresh_token"
    detail = "The refresh token is malformed, expired or its session has ended. Log in again."


@dataclass(frozen=True)
class NoSession:
    """Not begun."""


@dataclass(frozen=True)
class Live:
    """A session whose newest refresh token is numbered `counter`."""

    session_id: UUID
    account_id: UUID
    secret: str
    counter: int
    started_at: datetime
    refreshed_at: datetime


@dataclass(frozen=True)
class Ended:
    """None of its tokens counts."""

    account_id: UUID


SessionState = NoSession | Live | Ended


def refresh_proof(session: Live, counter: int) -> bytes:
    """What makes the refresh token of this number ours: 32 bytes that nobody else can derive."""
    message = b"refresh" + session.session_id.bytes + counter.to_bytes(4)
    return digest(urlsafe_b64decode(session.secret), message, sha256)


def expires_at(session: Live) -> datetime:
    """Until when the newest refresh token may be used."""
    return min(session.refreshed_at + IDLE, session.started_at + LONGEST)


def decide(command: SessionCommand, state: SessionState) -> list[SessionEvent]:
    """What follows from a command. Raises `AlreadyStarted`, `InvalidRefreshToken`, `NotFound`."""
    match command:
        case StartSession(session_id, account_id, secret, device, place, now):
            if not isinstance(state, NoSession):
                raise AlreadyStarted
            return [SessionStarted(session_id, account_id, secret, device, place, now)]
        case RefreshSession():
            return _refresh(command, state)
        case EndSession():
            return _end(command, state)
        case _:
            assert_never(command)


def _refresh(command: RefreshSession, state: SessionState) -> list[SessionEvent]:
    # without a secret its owner was erased meanwhile
    if not isinstance(state, Live) or not state.secret:
        raise InvalidRefreshToken
    if not compare_digest(command.proof, refresh_proof(state, command.counter)):
        raise InvalidRefreshToken
    id, account, now = state.session_id, state.account_id, command.now
    if command.counter == state.counter:
        if now >= expires_at(state):
            raise InvalidRefreshToken
        return [SessionRefreshed(id, account, state.counter + 1, now)]
    if command.counter == state.counter - 1 and now < state.refreshed_at + GRACE:
        return []
    return [
        RefreshTokenReused(id, account, command.counter, now),
        SessionEnded(id, account, "token_reused", None, now),
    ]


def _end(command: EndSession, state: SessionState) -> list[SessionEvent]:
    if isinstance(state, NoSession) or command.owner not in (None, state.account_id):
        raise NotFound
    if isinstance(state, Ended):
        return []
    ended = SessionEnded(
        state.session_id, state.account_id, command.reason, command.by, command.now
    )
    return [ended]


def evolve(state: SessionState, event: SessionEvent) -> SessionState:
    """The state after one more event."""
    match event:
        case SessionStarted():
            at = event.started_at
            return Live(event.session_id, event.account_id, event.secret, 0, at, at)
        case SessionRefreshed():
            assert isinstance(state, Live)
            return replace(state, counter=event.counter, refreshed_at=event.refreshed_at)
        case RefreshTokenReused():
            return state
        case SessionEnded():
            return Ended(event.account_id)
        case _:
            assert_never(event)


SESSION: Decider[SessionCommand, SessionState, SessionEvent] = Decider(
    "session", NoSession(), decide, evolve
)
