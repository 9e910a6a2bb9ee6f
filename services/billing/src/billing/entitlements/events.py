"""What an account may do has changed: a fact of its own, so that others hear of changes only."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from billing.entitlement_rules import Entitlements


@dataclass(frozen=True)
class EntitlementsChanged:
    """The account may do this now, and nothing else."""

    type_name: ClassVar[str] = "billing.entitlements_changed"

    account_id: UUID
    entitlements: Entitlements
    changed_at: datetime


EntitlementsEvent = EntitlementsChanged
