"""All that an invoice brought in is gone again: what its lines set going ends, or is undone.

Refunds of ours and disputes that a bank decides come here, in their own transaction.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from common.unit_of_work import UnitOfWork

from billing.exclusivity import taken_by_another
from billing.invoice_states import Open, Paid
from billing.invoices.commands import VoidInvoice
from billing.invoices.decider import INVOICE
from billing.subscription_rules.states import Live, Running
from billing.subscriptions.commands import ReverseInvoice, WithdrawOrder
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause

Why = Literal["refunded", "disputed"]


async def reverse(streams: UnitOfWork, invoice: Paid, why: Why, now: datetime) -> None:
    """What follows for each line, if nothing is left of the invoice; a repeat changes nothing."""
    if not invoice.gone:
        return
    for line in invoice.content.lines:
        if line.activation is not None:
            id, invoice_id = line.activation.subscription_id, invoice.content.invoice_id
            await _reverse(streams, id, invoice_id, why, now)


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
