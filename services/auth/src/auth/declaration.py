"""What the kernel must know of auth, for its API and its worker, which has no HTTP."""

from pathlib import Path

from common.kernel import KernelDeclaration
from common.object_storage import storage_for
from common.snapshots import SnapshotPolicy
from pydantic import TypeAdapter

from auth.accounts import events as accounts
from auth.accounts.read_model import ACCOUNTS
from auth.exports.events import ExportEvent
from auth.processes.release_a_former_address import TIMERS_OF_FORMER_ADDRESSES
from auth.profiles import events as profiles
from auth.profiles.decider import PROFILE, ProfileState
from auth.profiles.read_model import PROFILES
from auth.published_events import publish
from auth.sessions.events import SessionEvent
from auth.sessions.read_model import SESSIONS
from auth.views.what_happened_to_an_account import ACTIVITY

DECLARATION = KernelDeclaration(
    source="auth",
    events=(accounts.AccountEvent, SessionEvent, profiles.ProfileEvent, ExportEvent),
    projections=(ACCOUNTS, SESSIONS, PROFILES, ACTIVITY, TIMERS_OF_FORMER_ADDRESSES),
    # every picture that was ever shown is in its event: somebody who changes it daily has megabytes
    snapshots=(SnapshotPolicy(PROFILE, TypeAdapter(ProfileState), every=20),),
    publish=publish,
    files=storage_for,
    migrations=Path(__file__).parent / "migrations",
    openapi=Path(__file__).parent / "openapi.json",
    processors=(
        "ask_a_new_address_to_confirm",
        "forget_mails_about_an_erased_account",
        "greet_a_new_account",
        "let_the_old_address_object",
        "send_a_link_to_reset_a_password",
        "send_a_link_to_verify_an_address",
        "tell_of_a_changed_password",
        "tell_of_a_reused_refresh_token",
        "throw_away_avatars_that_nobody_shows",
    ),
    upcasters={**accounts.UPCASTERS, **profiles.UPCASTERS},
)
