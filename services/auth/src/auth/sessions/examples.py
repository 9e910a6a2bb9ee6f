"""One good example of each message of a session: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from auth.sessions.commands import EndSession, RefreshSession, StartSession
from auth.sessions.events import (
    RefreshTokenReused,
    SessionEnded,
    SessionRefreshed,
    SessionStarted,
)

SESSION_ID = UUID("01990000-0000-7000-8000-00000000b001")
ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=10)
SECRET = "c2Vzc2lvbi1zZWNyZXQtb2YtMzItYnl0ZXMtLi4uLi4="
PROOF = bytes.fromhex("55070d9ca186e4aa10f860fe6829e117f0bd3855b1e370e405c438e29abbd11a")

START = StartSession(SESSION_ID, ACCOUNT_ID, SECRET, "Firefox on Linux", "192.0.2.0/24", AT)
REFRESH = RefreshSession(SESSION_ID, 0, PROOF, LATER)
END = EndSession(SESSION_ID, ACCOUNT_ID, "logout", ACCOUNT_ID, LATER)

STARTED = SessionStarted(SESSION_ID, ACCOUNT_ID, SECRET, START.device, START.place, AT)
REFRESHED = SessionRefreshed(SESSION_ID, ACCOUNT_ID, 1, LATER)
REUSED = RefreshTokenReused(SESSION_ID, ACCOUNT_ID, 0, LATER)
ENDED = SessionEnded(SESSION_ID, ACCOUNT_ID, "logout", ACCOUNT_ID, LATER)

EVENTS = (STARTED, REFRESHED, REUSED, ENDED)
