"""Entitlements: what is so already is no change."""

from billing.entitlement_rules import Entitlements
from billing.entitlements.commands import SettleEntitlements
from billing.entitlements.decider import ENTITLEMENTS
from billing.entitlements.events import EntitlementsChanged
from billing.entitlements.examples import ACCOUNT_ID, CHANGED, LATER, SETTLE
from common.testing.scenario import Scenario

entitlements = Scenario(ENTITLEMENTS)


def test_a_change_is_a_fact_and_its_repetition_none() -> None:
    entitlements.given().when(SETTLE).then(CHANGED)
    entitlements.given(CHANGED).when(SETTLE).then()


def test_who_never_had_any_has_lost_none() -> None:
    nothing = SettleEntitlements(ACCOUNT_ID, Entitlements(), LATER)
    entitlements.given().when(nothing).then()
    gone = EntitlementsChanged(ACCOUNT_ID, Entitlements(), LATER)
    entitlements.given(CHANGED).when(nothing).then(gone)
