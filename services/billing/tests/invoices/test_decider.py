"""An invoice: issued, paid, void, given back; never twice and never more than it says."""

from contextlib import suppress
from dataclasses import replace

import pytest
from billing.invoice_states import (
    AlreadyPaid,
    InvoiceNotOpen,
    NotPaid,
    Paid,
    RefundTooLarge,
    WrongAmount,
)
from billing.invoices.commands import NoteOverdue, RequestRefund, SettleRefund, WriteOff
from billing.invoices.decider import INVOICE
from billing.invoices.examples import (
    CREDIT_NOTE,
    DRAFT,
    DRAFTED,
    DUE,
    FINALISE,
    FINALISED,
    ISSUE,
    LATER,
    OVERDUE,
    PAID,
    PAY,
    PAYMENT_ID,
    REFUND,
    REFUND_DONE,
    REFUND_ID,
    REFUND_REQUESTED,
    REFUND_SENT,
    TOTAL,
    UNCOLLECTIBLE,
    VOID,
    VOIDED,
)
from common.money import Money
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

invoice = Scenario(INVOICE)
OPEN = (DRAFTED, FINALISED)


def test_an_invoice_is_drafted_finalised_and_paid_once() -> None:
    invoice.given().when(ISSUE).then(DRAFTED, FINALISED)
    invoice.given(DRAFTED).when(FINALISE).then(FINALISED)
    invoice.given(*OPEN).when(ISSUE).then()
    invoice.given(*OPEN).when(PAY).then(PAID)
    invoice.given(*OPEN, PAID).when(PAY).then()
    other = replace(PAY, payment_id=REFUND_ID)
    invoice.given(*OPEN, PAID).when(other).then_refused(AlreadyPaid)


def test_an_invoice_cannot_exist_without_lines() -> None:
    with pytest.raises(ValueError, match="has lines"):
        INVOICE.decide(replace(DRAFT, lines=()), INVOICE.initial)


def test_only_what_is_due_pays_it() -> None:
    for captured in (TOTAL - Money(1, "EUR"), Money(1200, "USD")):
        invoice.given(*OPEN).when(replace(PAY, captured=captured)).then_refused(WrongAmount)


def test_what_is_paid_is_not_void_and_what_is_void_is_not_paid() -> None:
    invoice.given(*OPEN).when(VOID).then(VOIDED)
    invoice.given(*OPEN, VOIDED).when(VOID).then()
    invoice.given(*OPEN, VOIDED).when(PAY).then_refused(InvoiceNotOpen)
    invoice.given(*OPEN, PAID).when(VOID).then_refused(InvoiceNotOpen)
    invoice.given(*OPEN).when(WriteOff(LATER)).then(UNCOLLECTIBLE)
    invoice.given(*OPEN, PAID).when(WriteOff(LATER)).then()


def test_overdue_is_a_fact_once() -> None:
    invoice.given(*OPEN).when(NoteOverdue(DUE, LATER)).then(OVERDUE)
    invoice.given(*OPEN, OVERDUE).when(NoteOverdue(DUE, LATER)).then()
    invoice.given(*OPEN, PAID).when(NoteOverdue(DUE, LATER)).then()


def test_a_refund_is_set_aside_and_documented_when_the_money_went() -> None:
    invoice.given(*OPEN, PAID).when(REFUND).then(REFUND_REQUESTED)
    invoice.given(*OPEN).when(REFUND).then_refused(NotPaid)
    requested = (*OPEN, PAID, REFUND_REQUESTED)
    invoice.given(*requested).when(REFUND).then()
    invoice.given(*requested).when(REFUND_DONE).then(REFUND_SENT, CREDIT_NOTE)
    invoice.given(*requested, REFUND_SENT, CREDIT_NOTE).when(REFUND_DONE).then()


def test_a_refund_that_was_made_at_the_provider_is_the_same_fact() -> None:
    told = replace(REFUND_DONE, reason="requested_by_customer")
    invoice.given(*OPEN, PAID).when(told).then(REFUND_REQUESTED, REFUND_SENT, CREDIT_NOTE)


@given(st.lists(st.tuples(st.integers(-5, 900), st.booleans()), max_size=12))
def test_never_more_goes_back_than_was_paid(wishes: list[tuple[int, bool]]) -> None:
    state = INVOICE.fold([*OPEN, PAID])
    for n, (amount, works) in enumerate(wishes):
        id, money = type(PAYMENT_ID)(int=n), Money(amount, "EUR")
        with suppress(RefundTooLarge):
            request = RequestRefund(id, money, "why", LATER)
            state = INVOICE.fold(INVOICE.decide(request, state), state)
            status = "succeeded" if works else "failed"
            settle = SettleRefund(id, f"re_{n}", money, status, "why", f"CN-{n}", LATER)  # type: ignore[arg-type]
            state = INVOICE.fold(INVOICE.decide(settle, state), state)
    assert isinstance(state, Paid)
    assert 0 <= state.refunded.amount <= TOTAL.amount
    assert state.refundable + state.refunded == TOTAL
