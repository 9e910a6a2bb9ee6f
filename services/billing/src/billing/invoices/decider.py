"""The rules of an invoice: pure."""

from dataclasses import replace
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import NotFound

from billing.invoice_arithmetic import sums_of
from billing.invoice_states import (
    AlreadyPaid,
    Content,
    Draft,
    InvoiceNotOpen,
    InvoiceState,
    NoInvoice,
    NotPaid,
    Open,
    Paid,
    Refund,
    RefundTooLarge,
    Uncollectible,
    Void,
    WrongAmount,
)
from billing.invoices import events as facts
from billing.invoices.commands import (
    DraftInvoice,
    FinaliseInvoice,
    InvoiceCommand,
    IssueInvoice,
    NoteOverdue,
    PayInvoice,
    RequestRefund,
    SettleRefund,
    VoidInvoice,
    WriteOff,
)
from billing.invoices.events import InvoiceEvent


def decide(command: InvoiceCommand, state: InvoiceState) -> list[InvoiceEvent]:
    """What follows from a command. Raises the refusals above; `ValueError` without lines."""
    match command:
        case DraftInvoice():
            return _draft(command, state)
        case FinaliseInvoice():
            return _finalise(command, state)
        case IssueInvoice():
            drafted = _draft(command.draft, state)
            return [*drafted, *_finalise(command.finalise, reduce_all(drafted, state))]
        case RequestRefund() | SettleRefund():
            return _refund(command, state)
        case _:
            return _close(command, state)


def _draft(command: DraftInvoice, state: InvoiceState) -> list[InvoiceEvent]:
    if not isinstance(state, NoInvoice):
        return []
    sums = sums_of(command.lines)
    if sums.total.amount < 0:
        raise WrongAmount("An invoice is never below zero.")
    return [
        facts.InvoiceDrafted(
            invoice_id=command.invoice_id,
            account_id=command.account_id,
            kind=command.kind,
            subscription_id=command.subscription_id,
            provider=command.provider,
            lines=command.lines,
            net=sums.net,
            tax=sums.tax,
            total=sums.total,
            drafted_at=command.now,
        )
    ]


def _finalise(command: FinaliseInvoice, state: InvoiceState) -> list[InvoiceEvent]:
    if not isinstance(state, Draft):
        return []
    of = state.content
    return [
        facts.InvoiceFinalised(
            invoice_id=of.invoice_id,
            account_id=of.account_id,
            books_id=command.books_id,
            number=command.number,
            seller=command.seller,
            customer=command.customer,
            total=of.total,
            issued_at=command.now,
            due_at=command.due_at,
        )
    ]


def _close(
    command: PayInvoice | VoidInvoice | WriteOff | NoteOverdue, state: InvoiceState
) -> list[InvoiceEvent]:
    if isinstance(state, NoInvoice):
        raise NotFound
    who = (state.content.invoice_id, state.content.account_id)
    match command:
        case PayInvoice():
            return _pay(command, state)
        case VoidInvoice():
            return _void(command, state)
        case WriteOff():
            opened = isinstance(state, Open)
            return [facts.InvoiceUncollectible(*who, command.now)] if opened else []
        case NoteOverdue():
            due = isinstance(state, Open) and not state.overdue and state.due_at == command.due_at
            return [facts.InvoiceOverdue(*who, command.due_at, command.now)] if due else []
        case _:
            assert_never(command)


def _void(
    command: VoidInvoice, state: Draft | Open | Paid | Void | Uncollectible
) -> list[InvoiceEvent]:
    if isinstance(state, Void):
        return []
    if not isinstance(state, Open | Draft):
        raise InvoiceNotOpen
    who = (state.content.invoice_id, state.content.account_id)
    return [facts.InvoiceVoided(*who, command.reason, command.now)]


def _pay(
    command: PayInvoice, state: Draft | Open | Paid | Void | Uncollectible
) -> list[InvoiceEvent]:
    if isinstance(state, Paid):
        if state.payment_id == command.payment_id:
            return []
        raise AlreadyPaid
    if not isinstance(state, Open):
        raise InvoiceNotOpen
    if command.captured != state.content.total:
        raise WrongAmount
    who = (state.content.invoice_id, state.content.account_id)
    return [facts.InvoicePaid(*who, command.payment_id, command.captured, command.now)]


def _refund(command: RequestRefund | SettleRefund, state: InvoiceState) -> list[InvoiceEvent]:
    if isinstance(state, NoInvoice):
        raise NotFound
    if not isinstance(state, Paid):
        raise NotPaid
    if isinstance(command, RequestRefund):
        return [] if state.refund(command.refund_id) else [_request(command, state)]
    return _settle(command, state)


def _request(command: RequestRefund, state: Paid) -> facts.RefundRequested:
    amount = command.amount or state.refundable
    if amount.currency != state.content.total.currency or amount.amount <= 0:
        raise RefundTooLarge("A refund is above zero and in the invoice's currency.")
    if not amount <= state.refundable:
        raise RefundTooLarge
    who = (state.content.invoice_id, state.content.account_id)
    return facts.RefundRequested(
        *who, command.refund_id, state.payment_id, amount, command.reason, command.now
    )


def _settle(command: SettleRefund, state: Paid) -> list[InvoiceEvent]:
    events: list[InvoiceEvent] = []
    who = (state.content.invoice_id, state.content.account_id)
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
        settles = state.refunded + refund.amount == state.content.total
        events.append(
            facts.CreditNoteIssued(
                *who,
                command.refund_id,
                command.number,
                refund.amount,
                refund.reason,
                settles,
                command.now,
            )
        )
    return events


def evolve(state: InvoiceState, event: InvoiceEvent) -> InvoiceState:
    """The state after one more event."""
    if isinstance(event, facts.InvoiceDrafted):
        return Draft(
            Content(
                event.invoice_id,
                event.account_id,
                event.kind,
                event.subscription_id,
                event.provider,
                event.lines,
                event.total,
            )
        )
    assert not isinstance(state, NoInvoice)
    match event:
        case facts.InvoiceFinalised():
            return Open(state.content, event.number, event.due_at)
        case facts.InvoicePaid():
            assert isinstance(state, Open)
            return Paid(state.content, state.number, event.payment_id)
        case facts.InvoiceVoided():
            return Void(state.content)
        case facts.InvoiceUncollectible():
            return Uncollectible(state.content)
        case facts.InvoiceOverdue():
            assert isinstance(state, Open)
            return replace(state, overdue=True)
        case _:
            assert isinstance(state, Paid)
            return _refunded(state, event)


_Refunding = facts.RefundRequested | facts.RefundSent | facts.RefundFailed | facts.CreditNoteIssued


def _refunded(state: Paid, event: _Refunding) -> Paid:
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
        case _:
            assert_never(event)


def _marked(state: Paid, refund_id: UUID, status: str, reference: str | None) -> Paid:
    refunds = tuple(
        replace(one, status=status, reference=reference or one.reference)
        if one.refund_id == refund_id
        else one
        for one in state.refunds
    )
    return replace(state, refunds=refunds)


def reduce_all(events: list[InvoiceEvent], state: InvoiceState) -> InvoiceState:
    """The state after several events."""
    for event in events:
        state = evolve(state, event)
    return state


INVOICE: Decider[InvoiceCommand, InvoiceState, InvoiceEvent] = Decider(
    "invoice", NoInvoice(), decide, evolve
)
