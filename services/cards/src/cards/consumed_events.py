"""What cards reads of other services."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from common.messages import ConsumedEvent


class AccountErased(ConsumedEvent):
    """The owner of cards was erased."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID


class EntitlementsChanged(ConsumedEvent):
    """What an account may do has changed; `limits` says how much of what."""

    type_name: ClassVar[str] = "billing.entitlements_changed.v1"

    account_id: UUID
    limits: Mapping[str, int]
