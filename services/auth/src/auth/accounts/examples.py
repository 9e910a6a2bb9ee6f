"""One good example of each message of an account: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from auth.accounts.commands import (
    ActivateAccount,
    ChangePassword,
    EraseAccount,
    RegisterAccount,
    RehashPassword,
    RenameAccount,
    RequestPasswordReset,
    ResetPassword,
    SetRoles,
    SuspendAccount,
)
from auth.accounts.events import (
    AccountActivated,
    AccountErased,
    AccountRegistered,
    AccountRenamed,
    AccountSuspended,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    PasswordResetRequested,
    RolesSet,
)

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
ADMIN_ID = UUID("01990000-0000-7000-8000-00000000a0ff")
VERIFICATION_ID = UUID("01990000-0000-7000-8000-00000000a101")
RESET_ID = UUID("01990000-0000-7000-8000-00000000a102")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=10)
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"
OTHER_HASH = "$argon2id$v=19$m=19456,t=2,p=1$b3RoZXJzYWx0$b3RoZXI"

REGISTER = RegisterAccount(
    account_id=ACCOUNT_ID,
    email="ada@example.org",
    email_index="0f5c",
    username="ada",
    name="Ada Lovelace",
    locale="en",
    password_hash=HASH,
    verification_id=VERIFICATION_ID,
    now=AT,
)
CHANGE_PASSWORD = ChangePassword(ACCOUNT_ID, OTHER_HASH, LATER)
REQUEST_RESET = RequestPasswordReset(ACCOUNT_ID, RESET_ID, AT)
RESET = ResetPassword(ACCOUNT_ID, RESET_ID, OTHER_HASH, LATER)
REHASH = RehashPassword(ACCOUNT_ID, HASH, OTHER_HASH, LATER)
RENAME = RenameAccount(ACCOUNT_ID, "countess", "Ada King", "fr", ACCOUNT_ID, LATER)
SUSPEND = SuspendAccount(ACCOUNT_ID, "Sent spam.", ADMIN_ID, LATER)
ACTIVATE = ActivateAccount(ACCOUNT_ID, ADMIN_ID, LATER)
SET_ROLES = SetRoles(ACCOUNT_ID, frozenset({"user", "support"}), ADMIN_ID, LATER)
ERASE = EraseAccount(ACCOUNT_ID, AT)

REGISTERED = AccountRegistered(
    account_id=ACCOUNT_ID,
    email=REGISTER.email,
    email_index=REGISTER.email_index,
    username=REGISTER.username,
    name=REGISTER.name,
    locale=REGISTER.locale,
    password_hash=HASH,
    verification_id=VERIFICATION_ID,
    registered_at=AT,
)
PASSWORD_CHANGED = PasswordChanged(ACCOUNT_ID, OTHER_HASH, LATER)
RESET_REQUESTED = PasswordResetRequested(ACCOUNT_ID, RESET_ID, AT)
PASSWORD_RESET = PasswordReset(ACCOUNT_ID, RESET_ID, OTHER_HASH, LATER)
REHASHED = PasswordRehashed(ACCOUNT_ID, OTHER_HASH, LATER)
RENAMED = AccountRenamed(ACCOUNT_ID, "countess", "Ada King", "fr", ACCOUNT_ID, LATER)
SUSPENDED = AccountSuspended(ACCOUNT_ID, "Sent spam.", ADMIN_ID, LATER)
ACTIVATED = AccountActivated(ACCOUNT_ID, ADMIN_ID, LATER)
ROLES_SET = RolesSet(ACCOUNT_ID, ("support", "user"), ADMIN_ID, LATER)
ERASED = AccountErased(ACCOUNT_ID, AT)

EVENTS = (
    REGISTERED,
    PASSWORD_CHANGED,
    RESET_REQUESTED,
    PASSWORD_RESET,
    REHASHED,
    RENAMED,
    SUSPENDED,
    ACTIVATED,
    ROLES_SET,
    ERASED,
)
