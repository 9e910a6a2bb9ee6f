"""A subscription: done, refused, repeated; and legal after any sequence of commands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from billing.subscription_rules.refusals import (
    NotActive,
    NotADowngrade,
    NotAnUpgrade,
    NotPaused,
    OtherCurrency,
    SamePlan,
    SubscriptionExists,
    SubscriptionOver,
)
from billing.subscription_rules.states import (
    Active,
    Ended,
    NoSubscription,
    PastDue,
    Paused,
    Pending,
    Trialing,
    Unpaid,
)
from billing.subscriptions.commands import (
    ApplyUpgrade,
    CancelSubscription,
    EndGrace,
    EndPeriod,
    EndSubscription,
    OrderResumption,
    OrderUpgrade,
    PauseSubscription,
    ReactivateSubscription,
    ResumeSubscription,
    ScheduleChange,
    StartTrial,
    WithdrawChange,
    WithdrawOrder,
    WithdrawPause,
)
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import (
    ACCOUNT_ID,
    ACTIVATE,
    ACTIVATED,
    CANCEL,
    CANCELLATION,
    CANCELLATION_WITHDRAWN,
    CREATE,
    CREATED,
    DEARER,
    DECLINE,
    END,
    END_PERIOD,
    ENDED,
    INVOICE_ID,
    LATER,
    NEXT_INVOICE_ID,
    ORDER_WITHDRAWN,
    PAST_DUE,
    PAUSE,
    PAUSED,
    PERIOD_INVOICED,
    PLAN_CHANGED,
    RENEW,
    RENEWED,
    RESUMPTION_INVOICED,
    STRANGER_ID,
    TERMS,
    UNPAID,
    UPGRADE,
    UPGRADE_INVOICED,
)
from billing.subscriptions.examples import PAID as PAID_PART
from common.money import Money
from common.problems import NotFound, Refusal
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

subscription = Scenario(SUBSCRIPTION)
PAID = (CREATED, ACTIVATED)
FREE = replace(TERMS, price=Money(0, "EUR"), trial_days=0)


def test_an_order_begins_when_its_invoice_is_paid() -> None:
    subscription.given().when(CREATE).then(CREATED)
    subscription.given(CREATED).when(ACTIVATE).then(ACTIVATED)


def test_an_order_is_made_once() -> None:
    subscription.given(CREATED).when(CREATE).then_refused(SubscriptionExists)


def test_a_payment_activates_once_whatever_is_delivered_how_often() -> None:
    subscription.given(*PAID).when(ACTIVATE).then()
    subscription.given(*PAID, ENDED).when(ACTIVATE).then()
    subscription.given(CREATED).when(replace(ACTIVATE, invoice_id=NEXT_INVOICE_ID)).then()


def test_a_period_that_ends_is_invoiced_and_the_paid_invoice_moves_it_on_by_one() -> None:
    subscription.given(*PAID).when(END_PERIOD).then(PERIOD_INVOICED)
    subscription.given(*PAID, PERIOD_INVOICED).when(END_PERIOD).then()
    subscription.given(*PAID, PERIOD_INVOICED).when(RENEW).then(RENEWED)
    subscription.given(*PAID, PERIOD_INVOICED, RENEWED).when(RENEW).then()


def test_a_deadline_of_another_period_changes_nothing() -> None:
    late = replace(END_PERIOD, ends_at=END - timedelta(days=1))
    subscription.given(*PAID).when(late).then()


def test_a_declined_renewal_is_past_due_and_a_late_payment_renews_it() -> None:
    subscription.given(*PAID, PERIOD_INVOICED).when(DECLINE).then(PAST_DUE)
    subscription.given(*PAID, PERIOD_INVOICED, PAST_DUE).when(RENEW).then(RENEWED)


def test_a_hard_decline_stops_at_once_and_the_grace_can_still_be_paid() -> None:
    hard = replace(DECLINE, code="stolen_card", hard=True)
    subscription.given(*PAID, PERIOD_INVOICED).when(hard).then(UNPAID)
    subscription.given(*PAID, PERIOD_INVOICED, UNPAID).when(RENEW).then(RENEWED)
    over = EndGrace(UNPAID.grace_until, UNPAID.grace_until)
    ended = replace(ENDED, reason="unpaid", ended_at=UNPAID.grace_until)
    subscription.given(*PAID, PERIOD_INVOICED, UNPAID).when(over).then(ended)


def test_a_cancellation_waits_for_the_period_and_can_be_withdrawn() -> None:
    subscription.given(*PAID).when(CANCEL).then(CANCELLATION)
    subscription.given(*PAID, CANCELLATION).when(CANCEL).then()
    subscription.given(*PAID, CANCELLATION).when(END_PERIOD).then(ENDED)
    back = ReactivateSubscription(ACCOUNT_ID, LATER)
    subscription.given(*PAID, CANCELLATION).when(back).then(CANCELLATION_WITHDRAWN)
    subscription.given(*PAID, ENDED).when(back).then_refused(SubscriptionOver)


def test_what_is_not_paid_for_is_cancelled_at_once() -> None:
    now = replace(ENDED, ended_at=LATER)
    subscription.given(CREATED).when(CANCEL).then(now)
    subscription.given(*PAID, PERIOD_INVOICED, PAST_DUE).when(CANCEL).then(now)


def test_anothers_subscription_is_as_good_as_none() -> None:
    for command in (
        CancelSubscription(STRANGER_ID, "now", LATER),
        PauseSubscription(STRANGER_ID, LATER),
        ScheduleChange(STRANGER_ID, DEARER, LATER),
        OrderUpgrade(STRANGER_ID, UPGRADE, PAID_PART, LATER),
        OrderResumption(STRANGER_ID, INVOICE_ID, LATER),
    ):
        subscription.given(*PAID).when(command).then_refused(NotFound)


def test_an_upgrade_applies_once_it_is_paid() -> None:
    order = OrderUpgrade(ACCOUNT_ID, UPGRADE, PAID_PART, LATER)
    subscription.given(*PAID).when(order).then(UPGRADE_INVOICED)
    subscription.given(*PAID, UPGRADE_INVOICED).when(ApplyUpgrade(INVOICE_ID, LATER)).then(
        PLAN_CHANGED
    )
    subscription.given(*PAID, UPGRADE_INVOICED, PLAN_CHANGED).when(
        ApplyUpgrade(INVOICE_ID, LATER)
    ).then()
    subscription.given(*PAID, UPGRADE_INVOICED).when(WithdrawOrder(INVOICE_ID, LATER)).then(
        ORDER_WITHDRAWN
    )


def test_up_is_not_down_and_neither_is_the_same() -> None:
    schedule = ScheduleChange(ACCOUNT_ID, TERMS, LATER)
    subscription.given(*PAID).when(schedule).then_refused(SamePlan)
    subscription.given(*PAID).when(replace(schedule, terms=DEARER)).then_refused(NotADowngrade)
    dollars = replace(DEARER, price=Money(4900, "USD"))
    subscription.given(*PAID).when(replace(schedule, terms=dollars)).then_refused(OtherCurrency)
    cheaper = replace(UPGRADE, terms=replace(DEARER, price=Money(100, "EUR")))
    order = OrderUpgrade(ACCOUNT_ID, cheaper, PAID_PART, LATER)
    subscription.given(*PAID).when(order).then_refused(NotAnUpgrade)


def test_a_pause_begins_with_the_period_s_end_and_ends_with_a_paid_period() -> None:
    subscription.given(*PAID).when(PauseSubscription(ACCOUNT_ID, LATER)).then(PAUSE)
    subscription.given(*PAID, PAUSE).when(END_PERIOD).then(PAUSED)
    order = OrderResumption(ACCOUNT_ID, NEXT_INVOICE_ID, LATER)
    subscription.given(*PAID, PAUSE, PAUSED).when(order).then(RESUMPTION_INVOICED)
    subscription.given(*PAID).when(order).then_refused(NotPaused)


def test_who_owes_may_not_change_plans() -> None:
    owing = (*PAID, PERIOD_INVOICED, PAST_DUE)
    for command in (
        ScheduleChange(ACCOUNT_ID, DEARER, LATER),
        OrderUpgrade(ACCOUNT_ID, UPGRADE, PAID_PART, LATER),
        PauseSubscription(ACCOUNT_ID, LATER),
    ):
        subscription.given(*owing).when(command).then_refused(NotActive)


def test_a_trial_without_a_way_to_charge_ends_and_is_recorded_as_that() -> None:
    trial = replace(CREATE, trial=True, secured=True, invoice_id=None)
    state = SUBSCRIPTION.fold(SUBSCRIPTION.decide(trial, NoSubscription()))
    assert isinstance(state, Trialing)
    end = EndPeriod(state.live.span.ends_at, INVOICE_ID, False, (), LATER)

    outcome, ended = SUBSCRIPTION.decide(end, state)

    assert (outcome.outcome, ended.reason) == ("no_way_to_charge", "trial_ended")  # type: ignore[union-attr]


ids = st.sampled_from([INVOICE_ID, NEXT_INVOICE_ID])
times = st.integers(0, 400).map(lambda days: LATER + timedelta(days=days))


@st.composite
def commands(draw: st.DrawFn, state: Any) -> Any:
    """Any command, with deadlines that are mostly those of the state."""
    now, invoice = draw(times), draw(ids)
    live = getattr(state, "live", None)
    ends_at = live.span.ends_at if live else END
    due = (live and live.due_invoice) or invoice
    return draw(
        st.sampled_from(
            [
                replace(CREATE, now=now, terms=draw(st.sampled_from([TERMS, FREE]))),
                replace(CREATE, now=now, trial=True, secured=draw(st.booleans())),
                StartTrial(now),
                replace(ACTIVATE, invoice_id=invoice, now=now),
                EndPeriod(ends_at, invoice, draw(st.booleans()), (), now),
                replace(RENEW, invoice_id=due, now=now),
                replace(DECLINE, invoice_id=due, hard=draw(st.booleans()), now=now),
                EndGrace(getattr(state, "grace_until", now), now),
                CancelSubscription(None, draw(st.sampled_from(["now", "period_end"])), now),
                EndSubscription("refunded", now),
                ReactivateSubscription(None, now),
                PauseSubscription(ACCOUNT_ID, now),
                WithdrawPause(ACCOUNT_ID, now),
                OrderResumption(ACCOUNT_ID, invoice, now),
                ResumeSubscription(invoice, ACTIVATE.paid, now),
                ScheduleChange(ACCOUNT_ID, draw(st.sampled_from([FREE, DEARER])), now),
                WithdrawChange(ACCOUNT_ID, now),
                OrderUpgrade(ACCOUNT_ID, replace(UPGRADE, invoice_id=invoice), PAID_PART, now),
                ApplyUpgrade(invoice, now),
                WithdrawOrder(invoice, now),
            ]
        )
    )


LEGAL: dict[type, tuple[type, ...]] = {
    NoSubscription: (NoSubscription, Pending, Trialing, Active),
    Pending: (Pending, Trialing, Active, Ended),
    Trialing: (Trialing, Active, PastDue, Unpaid, Ended),
    Active: (Active, PastDue, Unpaid, Paused, Ended),
    PastDue: (PastDue, Active, Unpaid, Ended),
    Unpaid: (Unpaid, Active, Ended),
    Paused: (Paused, Active, Ended),
    Ended: (Ended,),
}


@given(st.data())
def test_any_sequence_of_commands_keeps_the_state_machine_legal(data: st.DataObject) -> None:
    state: Any = SUBSCRIPTION.initial
    for _ in range(data.draw(st.integers(1, 25))):
        command = data.draw(commands(state))
        try:
            events = SUBSCRIPTION.decide(command, state)
        except Refusal:
            continue
        after = SUBSCRIPTION.fold(events, state)
        assert type(after) in LEGAL[type(state)], (command, state, after)
        state = after
