"""What waits for its payment or for the period's end: it ends in time, and not with another's."""

from dataclasses import replace

from billing.subscription_rules.states import Active
from billing.subscriptions.commands import CancelSubscription, WithdrawChange, WithdrawOrder
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.events import PlanChangeScheduled
from billing.subscriptions.examples import (
    ACCOUNT_ID,
    ACTIVATED,
    CANCELLATION,
    CHANGE,
    CHANGE_WITHDRAWN,
    CREATED,
    END,
    END_PERIOD,
    ENDED,
    INVOICE_ID,
    LATER,
    NEXT_SPAN,
    ORDER_WITHDRAWN,
    PAUSE,
    PAUSED,
    PERIOD_INVOICED,
    TERMS,
    UPGRADE_INVOICED,
    WHO,
)
from common.testing.scenario import Scenario

subscription = Scenario(SUBSCRIPTION)
BEGUN = (CREATED, ACTIVATED)
CHEAPER = replace(TERMS, plan_id=INVOICE_ID, slug="cheaper")
TO_CHEAPER = replace(CHANGE, terms=CHEAPER)
BOTH = (*BEGUN, TO_CHEAPER, UPGRADE_INVOICED)


def test_an_upgrade_that_nobody_paid_is_withdrawn_when_its_period_ends() -> None:
    lapsed = replace(ORDER_WITHDRAWN, withdrawn_at=END)
    subscription.given(*BEGUN, UPGRADE_INVOICED).when(END_PERIOD).then(lapsed, PERIOD_INVOICED)
    subscription.given(*BEGUN, UPGRADE_INVOICED, CANCELLATION).when(END_PERIOD).then(lapsed, ENDED)
    subscription.given(*BEGUN, UPGRADE_INVOICED, PAUSE).when(END_PERIOD).then(lapsed, PAUSED)


def test_a_downgrade_outlives_an_upgrade_that_was_not_paid() -> None:
    still = PlanChangeScheduled(*WHO, CHEAPER, END, LATER)
    withdraw = WithdrawOrder(INVOICE_ID, LATER)

    subscription.given(*BOTH).when(withdraw).then(ORDER_WITHDRAWN, still)

    state = SUBSCRIPTION.fold([*BOTH, ORDER_WITHDRAWN, still])
    assert isinstance(state, Active)
    assert (state.live.change, state.live.upgrade) == (CHEAPER, None)


def test_an_upgrade_outlives_a_downgrade_that_was_withdrawn() -> None:
    subscription.given(*BOTH).when(WithdrawChange(ACCOUNT_ID, LATER)).then(
        CHANGE_WITHDRAWN, UPGRADE_INVOICED
    )
    subscription.given(*BOTH).when(CancelSubscription(ACCOUNT_ID, "period_end", LATER)).then(
        CHANGE_WITHDRAWN, UPGRADE_INVOICED, CANCELLATION
    )


def test_a_downgrade_that_was_planned_takes_effect_also_where_an_upgrade_was_not_paid() -> None:
    lapsed = replace(ORDER_WITHDRAWN, withdrawn_at=END)
    still = PlanChangeScheduled(*WHO, CHEAPER, END, END)
    invoiced = replace(PERIOD_INVOICED, terms=CHEAPER, span=NEXT_SPAN)
    subscription.given(*BOTH).when(END_PERIOD).then(lapsed, still, invoiced)


def test_a_pause_forgets_a_downgrade_that_was_planned_for_its_beginning() -> None:
    forgotten = replace(CHANGE_WITHDRAWN, withdrawn_at=END)
    subscription.given(*BEGUN, TO_CHEAPER, PAUSE).when(END_PERIOD).then(forgotten, PAUSED)
