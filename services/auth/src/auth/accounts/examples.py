"""One good example of each message of an account: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from auth.accounts.commands import EraseAccount, RegisterAccount
from auth.accounts.events import AccountErased, AccountRegistered

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

REGISTER = RegisterAccount(
    account_id=ACCOUNT_ID,
    email="ada@example.org",
    email_index="k1:0f5c",
    username="ada",
    name="Ada Lovelace",
    password_hash="$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    now=AT,
)
ERASE = EraseAccount(ACCOUNT_ID, AT)

REGISTERED = AccountRegistered(
    account_id=ACCOUNT_ID,
    email=REGISTER.email,
    email_index=REGISTER.email_index,
    username=REGISTER.username,
    name=REGISTER.name,
    password_hash=REGISTER.password_hash,
    registered_at=AT,
)
ERASED = AccountErased(ACCOUNT_ID, AT)

EVENTS = (REGISTERED, ERASED)
