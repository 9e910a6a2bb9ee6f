"""The few fields of foreign messages that the gateway reads."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from common.messages import ConsumedEvent


class SessionEnded(ConsumedEvent):
    """Auth ended a session: by its user, by an administrator, or for a reused refresh token."""

    type_name: ClassVar[str] = "auth.session_ended.v1"

    session_id: UUID
    tokens_expire_at: datetime


class AccountSuspended(ConsumedEvent):
    """An administrator shut somebody out."""

    type_name: ClassVar[str] = "auth.account_suspended.v1"

    account_id: UUID
    tokens_expire_at: datetime


class AccountActivated(ConsumedEvent):
    """And let them in again."""

    type_name: ClassVar[str] = "auth.account_activated.v1"

    account_id: UUID


class AccountErased(ConsumedEvent):
    """A person left for good; the tokens still out there are nobody's."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID
    erased_at: datetime
