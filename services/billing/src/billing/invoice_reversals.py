"""What was paid goes back: by a refund of ours, or because a bank takes it. Pure.

A refund that its bank sends back days later leaves the credit note standing and the money owed: it
is tried again, or transferred. A bank's dispute blocks refunds while it is open, so that nothing
goes back twice. Lost, it is a reversal like any other: a credit note over what was not given back
before. Won, nothing changes.
"""

from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from common.money import Money
from common.problems import NotFound

from billing.documents import Refund, marked
from billing.invoice_states import (
    Dispute,
    DisputeOpen,
    Paid,
    RefundNotReturned,
    RefundTooLarge,
)
from billing.invoices import events as facts
from billing.invoices.commands import (
    DisputeInvoice,
    PayBackRefund,
    RequestRefund,
    RetryRefund,
    ReversalCommand,
    SettleRefund,
)
from billing.invoices.events import InvoiceEvent, ReversalEvent

DISPUTE_LOST = "dispute_lost"
"""The reason on the credit note of what a bank took."""

_Who = tuple[UUID, UUID]


def reverse(command: ReversalCommand, state: Paid) -> list[InvoiceEvent]:
    """What follows. Raises `RefundTooLarge`, `RefundNotReturned`, `DisputeOpen`."""
    match command:
        case RequestRefund():
            if state.refund(command.refund_id):
                return []
            if state.is_disputed:
                raise DisputeOpen
            return [_request(command, state)]
        case SettleRefund():
            return _settle(command, state)
        case RetryRefund() | PayBackRefund():
            return _owed(command, state)
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
    refund, who = state.refund(command.refund_id), _who(state)
    if refund is None and command.status == "failed":
        return []  # made at the provider, and nothing came of it
    events: list[InvoiceEvent] = []
    if refund is None:
        request = RequestRefund(command.refund_id, command.amount, command.reason, command.now)
        requested = _request(request, state)
        events.append(requested)
        refund = Refund(requested.refund_id, requested.amount, "requested", requested.reason)
    match refund.status:
        case "failed" | "returned":
            return []  # final: what still says that it went is older
        case "done":
            return _returned(command, refund, who)
    if command.reference is not None and refund.reference is None:
        events.append(facts.RefundSent(*who, command.refund_id, command.reference, command.now))
    return [*events, *_ended(command, refund, state)]


def _ended(command: SettleRefund, refund: Refund, state: Paid) -> list[InvoiceEvent]:
    """How a refund on its way ended, if it did. Its credit note is written once."""
    who, id, now = _who(state), refund.refund_id, command.now
    match (command.status, refund.credited):
        case ("failed", True):
            return [_sent_back(refund, who, now)]
        case ("failed", False):
            return [facts.RefundFailed(*who, id, "refund_failed", now)]
        case ("succeeded", True):
            reference = command.reference or refund.reference or ""
            return [facts.RefundPaidBack(*who, id, "provider", reference, now)]
        case ("succeeded", False):
            assert command.number is not None
            return [_credit(state, refund, command.number, now)]
        case _:
            return []


def _returned(command: SettleRefund, refund: Refund, who: _Who) -> list[InvoiceEvent]:
    """A refund that had gone. What its provider says of an earlier try of it is past."""
    if command.status != "failed" or command.reference != refund.reference:
        return []
    return [_sent_back(refund, who, command.now)]


def _sent_back(refund: Refund, who: _Who, now: datetime) -> facts.RefundReturned:
    return facts.RefundReturned(*who, refund.refund_id, refund.amount, "refund_failed", now)


def _owed(command: RetryRefund | PayBackRefund, state: Paid) -> list[InvoiceEvent]:
    refund, who = state.refund(command.refund_id), _who(state)
    if refund is None:
        raise NotFound
    is_retry = isinstance(command, RetryRefund)
    if refund.status != "returned":
        on_its_way = refund.tries > 1 and refund.status in ("requested", "sent")
        if (is_retry and on_its_way) or (not is_retry and refund.by_transfer):
            return []  # already so
        raise RefundNotReturned
    if state.is_disputed:
        raise DisputeOpen
    if isinstance(command, RetryRefund):
        return [facts.RefundRetried(*who, refund.refund_id, command.now)]
    paid = facts.RefundPaidBack(*who, refund.refund_id, "transfer", command.reference, command.now)
    return [paid]


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
        case facts.InvoiceDisputed():
            return replace(state, disputes=(*state.disputes, Dispute(event.reference)))
        case facts.InvoiceDisputeWon():
            return _decided(state, event.reference, "won")
        case facts.InvoiceDisputeLost():
            return _decided(state, event.reference, "lost")
        case _:
            refunds = marked(state.refunds, event.refund_id, lambda one: _after(one, event))
            return replace(state, refunds=refunds)


_Moving = (
    facts.RefundSent
    | facts.RefundFailed
    | facts.CreditNoteIssued
    | facts.RefundReturned
    | facts.RefundRetried
    | facts.RefundPaidBack
)


def _after(one: Refund, event: _Moving) -> Refund:
    match event:
        case facts.RefundSent():
            return one.but("sent", reference=event.reference)
        case facts.RefundFailed():
            return one.but("failed")
        case facts.CreditNoteIssued():
            return one.but("done", credited=True)
        case facts.RefundReturned():
            return one.but("returned")
        case facts.RefundRetried():
            return one.anew("requested", tries=one.tries + 1)
        case facts.RefundPaidBack(means="transfer"):
            return one.anew("done", by_transfer=True)
        case facts.RefundPaidBack():
            return one.but("done")
        case _:
            assert_never(event)


def _decided(state: Paid, reference: str, status: str) -> Paid:
    disputes = tuple(
        replace(one, status=status) if one.reference == reference else one for one in state.disputes
    )
    return replace(state, disputes=disputes)
