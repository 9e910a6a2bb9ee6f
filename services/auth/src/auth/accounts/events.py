"""What has happened to an account; stored for ever, personal fields sealed under its own key."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from common.facts import Personal, Subject


@dataclass(frozen=True)
class AccountRegistered:
    """Somebody opened an account. `email_index` is the keyed hash that keeps addresses unique."""

    type_name: ClassVar[str] = "auth.account_registered"

    account_id: Subject
    email: Personal[str]
    email_index: Personal[str]
    username: Personal[str | None]
    name: Personal[str | None]
    password_hash: Personal[str]
    registered_at: datetime


@dataclass(frozen=True)
class AccountErased:
    """The account's owner left; the key that opened their data was destroyed with this event."""

    type_name: ClassVar[str] = "auth.account_erased"

    account_id: Subject
    erased_at: datetime


AccountEvent = AccountRegistered | AccountErased
