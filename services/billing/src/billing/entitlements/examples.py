"""One good example of the message of entitlements: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from billing.entitlement_rules import Entitlements
from billing.entitlements.commands import SettleEntitlements
from billing.entitlements.events import EntitlementsChanged

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
LATER = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)

GIVEN = Entitlements(("cards",), (("cards.max", 5),), ("pro-monthly",))
SETTLE = SettleEntitlements(ACCOUNT_ID, GIVEN, LATER)
CHANGED = EntitlementsChanged(ACCOUNT_ID, GIVEN, LATER)

EVENTS = (CHANGED,)
