"""What was paid goes back: by our refund, or because a bank takes it; never twice."""

from dataclasses import replace

from billing.invoice_reversals import DISPUTE_LOST as LOST_REASON
from billing.invoice_states import DisputeOpen, NotPaid, Paid, RefundNotReturned
from billing.invoices.commands import DisputeInvoice, InvoiceCommand, SettleRefund
from billing.invoices.decider import INVOICE
from billing.invoices.examples import (
    CREDIT_NOTE,
    DISPUTE,
    DISPUTE_LOST,
    DISPUTE_WON,
    DISPUTED,
    DRAFTED,
    FINALISED,
    LATER,
    PAID,
    PAY_BACK,
    PAYMENT_ID,
    REFUND,
    REFUND_DONE,
    REFUND_FAILED,
    REFUND_ID,
    REFUND_PAID_BACK,
    REFUND_REQUESTED,
    REFUND_RETRIED,
    REFUND_RETURNED,
    REFUND_SENT,
    RETRY,
    TOTAL,
)
from common.money import Money
from common.problems import Refusal
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

invoice = Scenario(INVOICE)
SETTLED = (DRAFTED, FINALISED, PAID)
LOSE = replace(DISPUTE, status="lost", refund_id=PAYMENT_ID, number="CN-2026-000002")
WIN = replace(DISPUTE, status="won")
FAIL = replace(REFUND_DONE, status="failed", number=None)
WENT = (*SETTLED, REFUND_REQUESTED, REFUND_SENT, CREDIT_NOTE)
CAME_BACK = (*WENT, REFUND_RETURNED)


def test_a_disputed_invoice_is_not_refunded_until_the_bank_has_decided() -> None:
    invoice.given(*SETTLED).when(DISPUTE).then(DISPUTED)
    invoice.given(*SETTLED, DISPUTED).when(DISPUTE).then()
    invoice.given(*SETTLED, DISPUTED).when(REFUND).then_refused(DisputeOpen)
    invoice.given(*SETTLED, DISPUTED).when(WIN).then(DISPUTE_WON)
    invoice.given(*SETTLED, DISPUTED, DISPUTE_WON).when(REFUND).then(REFUND_REQUESTED)
    invoice.given(DRAFTED, FINALISED).when(DISPUTE).then_refused(NotPaid)


def test_a_refund_that_fails_after_it_had_gone_is_owed_and_keeps_its_credit_note() -> None:
    invoice.given(*WENT).when(FAIL).then(REFUND_RETURNED)
    for late in (FAIL, REFUND_DONE):  # told again, or from before it failed
        invoice.given(*CAME_BACK).when(late).then()
    state = INVOICE.fold(CAME_BACK)
    assert isinstance(state, Paid)
    assert (state.refunded.amount, state.refundable.amount) == (500, 700)


def test_a_refund_that_fails_before_it_went_is_not_owed_whatever_is_told_later() -> None:
    invoice.given(*SETTLED, REFUND_REQUESTED, REFUND_SENT).when(FAIL).then(REFUND_FAILED)
    failed = (*SETTLED, REFUND_REQUESTED, REFUND_SENT, REFUND_FAILED)
    for late in (FAIL, REFUND_DONE):
        invoice.given(*failed).when(late).then()
    invoice.given(*failed).when(RETRY).then_refused(RefundNotReturned)
    unheard_of = replace(FAIL, refund_id=PAYMENT_ID, amount=Money(5_000, "EUR"))
    invoice.given(*SETTLED).when(unheard_of).then()


def test_what_came_back_is_tried_again_without_a_second_credit_note() -> None:
    invoice.given(*CAME_BACK).when(RETRY).then(REFUND_RETRIED)
    invoice.given(*CAME_BACK, REFUND_RETRIED).when(RETRY).then()
    again = replace(REFUND_DONE, reference="re_2", number=None)
    sent = replace(REFUND_SENT, reference="re_2")
    arrived = replace(REFUND_PAID_BACK, means="provider", reference="re_2")
    invoice.given(*CAME_BACK, REFUND_RETRIED).when(again).then(sent, arrived)
    refused = replace(FAIL, reference=None)
    invoice.given(*CAME_BACK, REFUND_RETRIED).when(refused).then(REFUND_RETURNED)
    done = (*CAME_BACK, REFUND_RETRIED, sent, arrived)
    invoice.given(*done).when(FAIL).then()  # the first try's failure, told once more
    invoice.given(*done).when(replace(FAIL, reference="re_2")).then(REFUND_RETURNED)
    invoice.given(*done).when(RETRY).then_refused(RefundNotReturned)


def test_what_came_back_is_paid_back_by_transfer_once() -> None:
    invoice.given(*CAME_BACK).when(PAY_BACK).then(REFUND_PAID_BACK)
    invoice.given(*CAME_BACK, REFUND_PAID_BACK).when(PAY_BACK).then()
    invoice.given(*CAME_BACK, REFUND_PAID_BACK).when(FAIL).then()
    invoice.given(*CAME_BACK, REFUND_PAID_BACK).when(RETRY).then_refused(RefundNotReturned)
    invoice.given(*CAME_BACK, REFUND_RETRIED).when(PAY_BACK).then_refused(RefundNotReturned)
    invoice.given(*WENT).when(PAY_BACK).then_refused(RefundNotReturned)
    invoice.given(*CAME_BACK, DISPUTED).when(PAY_BACK).then_refused(DisputeOpen)


def test_each_try_asks_the_provider_under_a_key_of_its_own() -> None:
    keys = []
    for history in (WENT, (*CAME_BACK, REFUND_RETRIED)):
        state = INVOICE.fold(history)
        assert isinstance(state, Paid)
        keys.append(state.refunds[0].key)

    assert keys == [f"refund:{REFUND_ID}", f"refund:{REFUND_ID}:2"]


def test_a_lost_dispute_makes_a_credit_note_like_a_refund() -> None:
    requested = replace(REFUND_REQUESTED, refund_id=PAYMENT_ID, amount=TOTAL, reason=LOST_REASON)
    note = replace(
        CREDIT_NOTE,
        refund_id=PAYMENT_ID,
        number="CN-2026-000002",
        amount=TOTAL,
        reason=LOST_REASON,
        settles=True,
    )
    invoice.given(*SETTLED).when(LOSE).then(DISPUTED, DISPUTE_LOST, requested, note)
    history = (*SETTLED, DISPUTED, DISPUTE_LOST, requested, note)
    for command in (LOSE, WIN, DISPUTE):
        invoice.given(*history).when(command).then()


def test_a_bank_that_takes_what_was_given_back_already_makes_no_second_credit_note() -> None:
    some = (*SETTLED, REFUND_REQUESTED, REFUND_SENT, CREDIT_NOTE)
    state = INVOICE.fold([*some, *INVOICE.decide(LOSE, INVOICE.fold(some))])
    assert isinstance(state, Paid)
    assert [one.amount.amount for one in state.refunds] == [500, 700]
    assert (state.gone, state.refundable) == (True, Money(0, "EUR"))

    all_of_it = replace(REFUND_DONE, amount=TOTAL)
    gone = INVOICE.fold([*SETTLED, *INVOICE.decide(all_of_it, INVOICE.fold(SETTLED))])
    (_, lost) = INVOICE.decide(replace(LOSE, number=None), gone)
    assert lost == DISPUTE_LOST


commands = st.lists(
    st.one_of(
        st.builds(
            DisputeInvoice,
            st.sampled_from(["dp_1", "dp_2"]),
            st.integers(1, 1500).map(lambda n: Money(n, "EUR")),
            st.sampled_from(["open", "won", "lost"]),
            st.uuids(),
            st.just("CN-1"),
            st.just(LATER),
        ),
        st.builds(
            SettleRefund,
            st.sampled_from([REFUND_ID, PAYMENT_ID]),
            st.just("re_1"),
            st.integers(1, 1500).map(lambda n: Money(n, "EUR")),
            st.sampled_from(["pending", "succeeded", "failed"]),
            st.just("why"),
            st.just("CN-2"),
            st.just(LATER),
        ),
    ),
    max_size=10,
)


@given(commands)
def test_however_it_goes_back_it_is_never_more_than_was_paid(wishes: list[InvoiceCommand]) -> None:
    state = INVOICE.fold(SETTLED)
    for wish in wishes:
        try:
            state = INVOICE.fold(INVOICE.decide(wish, state), state)
        except Refusal:
            continue
        assert INVOICE.decide(wish, state) == []
    assert isinstance(state, Paid)
    assert 0 <= state.refunded.amount <= TOTAL.amount
    assert state.refundable.amount >= 0
