"""What may be asked of an account's entitlements."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.entitlement_rules import Entitlements


@dataclass(frozen=True)
class SettleEntitlements:
    """This is what the account's live subscriptions give at this moment."""

    account_id: UUID
    entitlements: Entitlements
    now: datetime


EntitlementsCommand = SettleEntitlements
