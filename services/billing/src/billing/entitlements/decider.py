"""The rule of entitlements: pure. What is so already is no change."""

from common.decider import Decider

from billing.entitlement_rules import Entitlements
from billing.entitlements.commands import EntitlementsCommand
from billing.entitlements.events import EntitlementsChanged, EntitlementsEvent

NOTHING = Entitlements()


def decide(command: EntitlementsCommand, state: Entitlements) -> list[EntitlementsEvent]:
    """A change, if it is one."""
    if command.entitlements == state:
        return []
    return [EntitlementsChanged(command.account_id, command.entitlements, command.now)]


def evolve(_: Entitlements, event: EntitlementsEvent) -> Entitlements:
    """What the account may do since."""
    return event.entitlements


ENTITLEMENTS: Decider[EntitlementsCommand, Entitlements, EntitlementsEvent] = Decider(
    "entitlements", NOTHING, decide, evolve
)
