"""What an account may do at this moment: all of its live subscriptions, merged."""

from uuid import UUID

from common.database import Database

from billing.entitlement_rules import Entitlements, merged
from billing.subscriptions.read_model import LIVE, subscriptions_in


async def entitlements_of(database: Database, account_id: UUID) -> Entitlements:
    """From what it is subscribed to now, the grace after a failed payment included."""
    live = await subscriptions_in(database, account_id, LIVE)
    return merged(row.terms for row in live)
