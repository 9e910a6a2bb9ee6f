"""What was paid goes back: by a refund of ours, or because a bank takes it. Pure.

A bank's dispute blocks refunds while it is open, so that nothing goes back twice. Lost, it is a
reversal like any other: a credit note over what was not given back before. Won, nothing changes.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from common.money import Money

from billing.documents import Refund, marked
from billing.invoice_states import Dispute, DisputeOpen, Paid, RefundTooLarge
from billing.invoices import events as facts
from billing.invoices.commands import (
    DisputeInvoice,
    RequestRefund,
    ReversalCommand,
    SettleRefund,
)
from billing.invoices.events import InvoiceEvent, ReversalEvent

DISPUTE_LOST = "dispute_lost"
"""The reason on the credit note of what a bank took."""

_Who = tuple[UUID, UUID]


def reverse(command: ReversalCommand, state: Paid) -> list[InvoiceEvent]:
    """What follows. Raises `RefundTooLarge`, `DisputeOpen`."""
    match command:
        case RequestRefund():
            if state.refund(command.refund_id):
                return []
            if any(one.status == "open" for one in state.disputes):
                raise DisputeOpen
            return [_request(command, state)]
        case SettleRefund():
            return _settle(command, state)
        case DisputeInvoice():
            return _dispute(command, state)
        case _:
            assert_never(command)


def _who(state: Paid) -> _Who:
    return state.content.invoice_id, state.content.account_id


def _request(command: RequestRefund, state: Paid) -> facts.RefundRequested:
    amount = command.amount or state.refundable
    if amount.currency != state.content.total.currency or amount.amount <= 0:
        raise RefundTooLarge("A refund is above zero and in the invoice's currency.")
    if not amount <= state.refundable:
        raise RefundTooLarge
    return facts.RefundRequested(
        *_who(state), command.refund_id, state.payment_id, amount, command.reason, command.now
    )


def _settle(command: SettleRefund, state: Paid) -> list[InvoiceEvent]:
    events: list[InvoiceEvent] = []
    who = _who(state)
    refund = state.refund(command.refund_id)
    if refund is None:
        request = RequestRefund(command.refund_id, command.amount, command.reason, command.now)
        requested = _request(request, state)
        events.append(requested)
        refund = Refund(requested.refund_id, requested.amount, "requested", requested.reason)
    if refund.status in ("done", "failed"):
        return events
    if command.reference is not None and refund.reference is None:
        events.append(facts.RefundSent(*who, command.refund_id, command.reference, command.now))
    if command.status == "failed":
        events.append(facts.RefundFailed(*who, command.refund_id, "refund_failed", command.now))
    elif command.status == "succeeded":
        assert command.number is not None
        events.append(_credit(state, refund, command.number, command.now))
    return events


def _dispute(command: DisputeInvoice, state: Paid) -> list[InvoiceEvent]:
    events: list[InvoiceEvent] = []
    who, now, reference = _who(state), command.now, command.reference
    known = state.dispute(reference)
    if known is None:
        payment_id, amount = state.payment_id, command.amount
        events.append(facts.InvoiceDisputed(*who, payment_id, reference, amount, now))
    elif known.status != "open":
        return []
    if command.status == "won":
        events.append(facts.InvoiceDisputeWon(*who, reference, now))
    elif command.status == "lost":
        events.append(facts.InvoiceDisputeLost(*who, reference, command.amount, now))
        events += _taken(command, state)
    return events


def _taken(command: DisputeInvoice, state: Paid) -> list[InvoiceEvent]:
    """The credit note over what the bank took and nobody had given back."""
    left, amount = state.refundable, command.amount
    taken = Money(min(amount.amount, left.amount), left.currency)
    if taken.amount == 0 or amount.currency != left.currency:
        return []
    assert command.number is not None
    request = RequestRefund(command.refund_id, taken, DISPUTE_LOST, command.now)
    refund = Refund(command.refund_id, taken, "requested", DISPUTE_LOST)
    return [_request(request, state), _credit(state, refund, command.number, command.now)]


def _credit(state: Paid, refund: Refund, number: str, now: datetime) -> facts.CreditNoteIssued:
    return facts.CreditNoteIssued(
        *_who(state),
        refund_id=refund.refund_id,
        number=number,
        amount=refund.amount,
        reason=refund.reason,
        settles=state.refunded + refund.amount == state.content.total,
        issued_at=now,
    )


def reversed_by(state: Paid, event: ReversalEvent) -> Paid:
    """The invoice after one more such event."""
    match event:
        case facts.RefundRequested():
            one = Refund(event.refund_id, event.amount, "requested", event.reason)
            return replace(state, refunds=(*state.refunds, one))
        case facts.RefundSent():
            return _marked(state, event.refund_id, "sent", event.reference)
        case facts.RefundFailed():
            return _marked(state, event.refund_id, "failed", None)
        case facts.CreditNoteIssued():
            return _marked(state, event.refund_id, "done", None)
        case facts.InvoiceDisputed():
            return replace(state, disputes=(*state.disputes, Dispute(event.reference)))
        case facts.InvoiceDisputeWon():
            return _decided(state, event.reference, "won")
        case facts.InvoiceDisputeLost():
            return _decided(state, event.reference, "lost")
        case _:
            assert_never(event)


def _marked(state: Paid, refund_id: UUID, status: str, reference: str | None) -> Paid:
    refunds = marked(state.refunds, refund_id, status, reference)
    return replace(state, refunds=refunds)


def _decided(state: Paid, reference: str, status: str) -> Paid:
    disputes = tuple(
        replace(one, status=status) if one.reference == reference else one for one in state.disputes
    )
    return replace(state, disputes=disputes)
