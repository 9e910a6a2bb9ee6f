"""What the kernel must know of auth, for its API and its worker, which has no HTTP."""

from pathlib import Path

from common.kernel import KernelDeclaration

from auth.accounts.events import UPCASTERS, AccountEvent
from auth.accounts.read_model import ACCOUNTS
from auth.processes.release_a_former_address import TIMERS_OF_FORMER_ADDRESSES
from auth.profiles.events import ProfileEvent
from auth.profiles.read_model import PROFILES
from auth.published_events import publish
from auth.sessions.events import SessionEvent
from auth.sessions.read_model import SESSIONS
from auth.views.what_happened_to_an_account import ACTIVITY

DECLARATION = KernelDeclaration(
    source="auth",
    events=(AccountEvent, SessionEvent, ProfileEvent),
    projections=(ACCOUNTS, SESSIONS, PROFILES, ACTIVITY, TIMERS_OF_FORMER_ADDRESSES),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
    upcasters=UPCASTERS,
)
