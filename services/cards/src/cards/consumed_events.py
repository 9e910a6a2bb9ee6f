"""What cards reads of other services."""

from typing import ClassVar
from uuid import UUID

from common.messages import ConsumedEvent


class AccountErased(ConsumedEvent):
    """The owner of cards was erased."""

    type_name: ClassVar[str] = "auth.account_erased.v1"

    account_id: UUID
