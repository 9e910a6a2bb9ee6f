"""What administrators give, and what is undone when the money is gone again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from billing.subscription_rules.refusals import (
    NotActive,
    PeriodBeingPaid,
    SubscriptionOver,
    TrialRunning,
)
from billing.subscription_rules.states import Active, Span, Trialing
from billing.subscriptions.commands import ExtendPeriod, GrantPeriod, ReverseInvoice
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import (
    ACTIVATED,
    AT,
    CHANGE,
    CHANGE_WITHDRAWN,
    CREATED,
    DEARER,
    END,
    END_PERIOD,
    ENDED,
    EXTENDED,
    EXTENDED_END,
    INVOICE_ID,
    LATER,
    NEXT_END,
    NEXT_INVOICE_ID,
    NEXT_SPAN,
    PAST_DUE,
    PAUSE,
    PAUSED,
    PERIOD_INVOICED,
    PLAN_CHANGED,
    RENEWED,
    SPAN,
    TERMS,
    TRIAL_STARTED,
    UNPAID,
    UPGRADE_INVOICED,
    UPGRADE_REVERSED,
)
from common.problems import NotFound
from common.testing.scenario import Scenario

subscription = Scenario(SUBSCRIPTION)
ACTIVE = (CREATED, ACTIVATED)
DUE = (*ACTIVE, PERIOD_INVOICED)
UPGRADE_ID = NEXT_INVOICE_ID
ORDERED = replace(
    UPGRADE_INVOICED, upgrade=replace(UPGRADE_INVOICED.upgrade, invoice_id=UPGRADE_ID)
)
CHANGED = replace(PLAN_CHANGED, invoice_id=UPGRADE_ID)
UPGRADED = (*ACTIVE, ORDERED, CHANGED)
BACK = replace(UPGRADE_REVERSED, invoice_id=UPGRADE_ID)
EXTEND, GRANT = ExtendPeriod(30, LATER), GrantPeriod(LATER)


def gone(invoice_id: object = INVOICE_ID, **more: object) -> ReverseInvoice:
    given = {"reason": "refunded", "may_go_back": True, "now": LATER, **more}
    return ReverseInvoice(invoice_id, **given)  # type: ignore[arg-type]


def test_a_period_whose_invoice_is_gone_ends_at_once_and_once() -> None:
    ended = replace(ENDED, reason="refunded", ended_at=LATER)
    subscription.given(*ACTIVE).when(gone()).then(ended)
    subscription.given(*ACTIVE, ended).when(gone()).then()
    subscription.given(*ACTIVE).when(gone(reason="disputed")).then(
        replace(ended, reason="disputed")
    )


def test_a_period_that_is_over_stays_what_it_was() -> None:
    subscription.given(*ACTIVE).when(gone(now=END)).then()
    subscription.given(*DUE, RENEWED).when(gone()).then()
    subscription.given(*DUE, RENEWED).when(gone(UPGRADE_ID, now=END)).then(
        replace(ENDED, reason="refunded", ended_at=END)
    )
    subscription.given(CREATED).when(gone()).then()


def test_an_upgrade_whose_invoice_is_gone_goes_back_to_the_plan_before() -> None:
    subscription.given(*UPGRADED).when(gone(UPGRADE_ID)).then(BACK)
    subscription.given(*UPGRADED, BACK).when(gone(UPGRADE_ID)).then()
    state = SUBSCRIPTION.fold([*UPGRADED, BACK])
    assert state == SUBSCRIPTION.fold(ACTIVE)


def test_a_change_that_was_planned_from_the_dearer_plan_is_withdrawn_with_it() -> None:
    subscription.given(*UPGRADED, CHANGE).when(gone(UPGRADE_ID)).then(CHANGE_WITHDRAWN, BACK)


def test_where_the_plan_before_cannot_be_had_any_more_it_ends() -> None:
    ended = replace(ENDED, reason="refunded", ended_at=LATER)
    subscription.given(*UPGRADED).when(gone(UPGRADE_ID, may_go_back=False)).then(ended)


def test_where_the_period_before_is_over_meanwhile_the_next_one_begins_and_is_charged() -> None:
    year = Span(LATER, 0, LATER, LATER + timedelta(days=365))
    yearly = replace(CHANGED, span=year)
    (back,) = SUBSCRIPTION.decide(
        gone(UPGRADE_ID, now=NEXT_END), SUBSCRIPTION.fold([*ACTIVE, ORDERED, yearly])
    )
    assert back == replace(
        BACK, span=Span(NEXT_END, -1, NEXT_END, NEXT_END), paid=None, reversed_at=NEXT_END
    )
    state = SUBSCRIPTION.fold([*ACTIVE, ORDERED, yearly, back])
    (invoiced,) = SUBSCRIPTION.decide(replace(END_PERIOD, ends_at=NEXT_END, now=NEXT_END), state)
    assert (invoiced.terms, invoiced.span.starts_at) == (TERMS, NEXT_END)  # type: ignore[union-attr]


def test_of_two_upgrades_the_later_one_is_undone_first() -> None:
    further = replace(CHANGED, invoice_id=ENDED.account_id, terms=replace(DEARER, slug="huge"))
    twice = (*UPGRADED, further)
    subscription.given(*twice).when(gone(UPGRADE_ID)).then()
    (back,) = SUBSCRIPTION.decide(gone(ENDED.account_id), SUBSCRIPTION.fold(twice))
    assert (back.terms, back.span) == (DEARER, SPAN)  # type: ignore[union-attr]
    subscription.given(*twice, back).when(gone(UPGRADE_ID)).then(BACK)


def test_an_extended_period_costs_nothing_and_the_next_ones_are_counted_from_its_end() -> None:
    subscription.given(*ACTIVE).when(EXTEND).then(EXTENDED)
    state = SUBSCRIPTION.fold([*ACTIVE, EXTENDED])
    late = replace(END_PERIOD, ends_at=EXTENDED_END, now=EXTENDED_END)
    (invoiced,) = SUBSCRIPTION.decide(late, state)
    assert invoiced.span.starts_at == EXTENDED_END  # type: ignore[union-attr]
    subscription.given(*ACTIVE, EXTENDED).when(END_PERIOD).then()
    moved = replace(CHANGE, takes_effect_at=EXTENDED_END)
    subscription.given(*ACTIVE, CHANGE).when(EXTEND).then(EXTENDED, moved)


def test_a_trial_is_extended_and_stays_a_trial() -> None:
    trial = (replace(CREATED, trial=True, invoice_id=None), TRIAL_STARTED)
    (extended,) = SUBSCRIPTION.decide(EXTEND, SUBSCRIPTION.fold(trial))
    state = SUBSCRIPTION.fold([*trial, extended])
    assert isinstance(state, Trialing)
    assert state.live.span.ends_at == TRIAL_STARTED.ends_at + timedelta(days=30)


@pytest.mark.parametrize("history", [DUE, (*DUE, PAST_DUE), (*DUE, UNPAID), (CREATED,)])
def test_only_what_is_paid_for_is_extended(history: tuple[object, ...]) -> None:
    subscription.given(*history).when(EXTEND).then_refused(NotActive)  # type: ignore[arg-type]


def test_what_waits_for_its_payment_is_granted_without_one() -> None:
    now = replace(GRANT, now=AT)
    subscription.given(CREATED).when(now).then(replace(ACTIVATED, invoice_id=None, paid=None))
    free = replace(RENEWED, invoice_id=None, paid=None)
    for owed in ((*DUE, PAST_DUE), (*DUE, UNPAID)):
        subscription.given(*owed).when(GrantPeriod(END)).then(free)
    assert isinstance(SUBSCRIPTION.fold([*DUE, PAST_DUE, free]), Active)
    assert free.span == NEXT_SPAN


def test_a_pause_is_ended_without_a_payment_and_a_trial_begins_without_a_method() -> None:
    (resumed,) = SUBSCRIPTION.decide(GRANT, SUBSCRIPTION.fold([*ACTIVE, PAUSE, PAUSED]))
    assert (resumed.invoice_id, resumed.span.starts_at) == (None, LATER)  # type: ignore[union-attr]
    waiting = replace(CREATED, trial=True, invoice_id=None)
    subscription.given(waiting).when(replace(GRANT, now=AT)).then(TRIAL_STARTED)


def test_what_runs_is_granted_nothing_and_what_is_over_is_not_revived() -> None:
    subscription.given(*ACTIVE).when(GRANT).then()
    subscription.given(*DUE).when(GRANT).then_refused(PeriodBeingPaid)
    trial = replace(CREATED, trial=True, invoice_id=None)
    subscription.given(trial, TRIAL_STARTED).when(GRANT).then_refused(TrialRunning)
    subscription.given(*ACTIVE, ENDED).when(GRANT).then_refused(SubscriptionOver)
    subscription.given().when(GRANT).then_refused(NotFound)
