"""What follows where an invoice's money goes back: its subscription hears of it, and where nothing
is left what its lines set going ends, or is undone.

Refunds of ours and disputes that a bank opens or decides come here, in their own transaction.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from common.unit_of_work import UnitOfWork

from billing.exclusivity import taken_by_another
from billing.invoice_states import Open, Paid
from billing.invoices.commands import VoidInvoice
from billing.invoices.decider import INVOICE
from billing.subscription_rules.set_aside import worth
from billing.subscription_rules.states import Live, Running
from billing.subscriptions.commands import NoteSetAside, ReverseInvoice, WithdrawOrder
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause

Why = Literal["refunded", "disputed"]


async def money_goes_back(streams: UnitOfWork, invoice: Paid, why: Why, now: datetime) -> None:
    """What follows from a refund that was asked for, made or failed, or from a bank's dispute; a
    repeat changes nothing."""
    await set_aside(streams, invoice, now)
    if not invoice.gone:
        return
    for line in invoice.content.lines:
        if line.activation is not None:
            id, invoice_id = line.activation.subscription_id, invoice.content.invoice_id
            await _reverse(streams, id, invoice_id, why, now)


async def set_aside(streams: UnitOfWork, invoice: Paid, now: datetime) -> None:
    """What goes back buys no credit; an order that has it already is withdrawn."""
    id, content = invoice.content.subscription_id, invoice.content
    if id is None:
        return
    before = await streams.state(SUBSCRIPTION, id)
    gone, disputed = content.total - invoice.refundable, invoice.is_disputed
    command = NoteSetAside(content.invoice_id, gone, disputed, now)
    cause = own_cause(now, because=content.invoice_id)
    after = await streams.handle(SUBSCRIPTION, id, command, cause)
    if not isinstance(before, Running) or not isinstance(after, Running) or after == before:
        return
    was, is_now = worth(before.live), worth(after.live)
    if was is not None and is_now is not None and (disputed or is_now.amount < was.amount):
        await _withdraw_order(streams, after.live, now)


async def _reverse(
    streams: UnitOfWork, id: UUID, invoice_id: UUID, why: Why, now: datetime
) -> None:
    state = await streams.state(SUBSCRIPTION, id)
    if not isinstance(state, Running):
        return
    may_go_back = True
    if (before := state.live.before) is not None and before.invoice_id == invoice_id:
        await _withdraw_order(streams, state.live, now)
        account, single = state.live.agreement.account_id, before.terms.single_in
        may_go_back = not await taken_by_another(streams.transaction, account, single, id)
    command = ReverseInvoice(invoice_id, why, may_go_back, now)
    cause = own_cause(now, because=invoice_id)
    after = await streams.handle(SUBSCRIPTION, id, command, cause)
    if not isinstance(after, Running) or (older := after.live.before) in (None, before):
        return
    assert older is not None
    invoice = await streams.state(INVOICE, older.invoice_id)
    if isinstance(invoice, Paid) and invoice.gone:  # it was given back first, and stood beneath
        await _reverse(streams, id, older.invoice_id, why, now)


async def _withdraw_order(streams: UnitOfWork, live: Live, now: datetime) -> None:
    """A further upgrade that waits for its payment gave credit for what is gone now."""
    if live.upgrade is None:
        return
    invoice_id = live.upgrade.invoice_id
    invoice = await streams.state(INVOICE, invoice_id)
    if isinstance(invoice, Open):
        void = VoidInvoice("replaced", now)
        cause = own_cause(now, because=invoice_id)
        await streams.handle(INVOICE, invoice_id, void, cause)
    withdraw = WithdrawOrder(invoice_id, now)
    id, cause = live.agreement.subscription_id, own_cause(now, because=invoice_id)
    await streams.handle(SUBSCRIPTION, id, withdraw, cause)
