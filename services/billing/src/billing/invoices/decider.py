"""The rules of an invoice: pure."""

from dataclasses import replace
from typing import assert_never

from common.decider import Decider
from common.problems import NotFound

from billing.invoice_arithmetic import sums_of
from billing.invoice_reversals import reverse, reversed_by
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
    ReversalCommand,
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
        case PayInvoice() | VoidInvoice() | WriteOff() | NoteOverdue():
            return _close(command, state)
        case _:
            return _reverse(command, state)


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


def _reverse(command: ReversalCommand, state: InvoiceState) -> list[InvoiceEvent]:
    if isinstance(state, NoInvoice):
        raise NotFound
    if not isinstance(state, Paid):
        raise NotPaid
    return reverse(command, state)


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
            return reversed_by(state, event)


def reduce_all(events: list[InvoiceEvent], state: InvoiceState) -> InvoiceState:
    """The state after several events."""
    for event in events:
        state = evolve(state, event)
    return state


INVOICE: Decider[InvoiceCommand, InvoiceState, InvoiceEvent] = Decider(
    "invoice", NoInvoice(), decide, evolve
)
