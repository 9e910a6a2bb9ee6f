"""Ending a subscription now: what is still to be paid for it is void, if nobody is paying it."""

from datetime import datetime
from uuid import UUID

from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.invoice_states import Open
from billing.invoices.commands import VoidInvoice
from billing.invoices.decider import INVOICE
from billing.paying import close_doors
from billing.payment_queue import PaymentUnderWay
from billing.subscription_rules.states import Pending, Running, SubscriptionState
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause, unit


def owed_invoices(state: SubscriptionState) -> list[UUID]:
    """The invoices that are void without the subscription."""
    if isinstance(state, Pending):
        return [state.invoice_id] if state.invoice_id else []
    if not isinstance(state, Running):
        return []
    live = state.live
    upgrade = live.upgrade.invoice_id if live.upgrade else None
    return [id for id in (live.due_invoice, live.resume_invoice, upgrade) if id is not None]


async def void_what_is_owed(desk: Desk, id: UUID, reason: str, now: datetime) -> None:
    """Close the ways into the subscription's open invoices, and void them.

    An invoice whose payment nobody can stop any more stays open; money that still comes is held.
    """
    commands = desk.kernel.commands
    async with desk.kernel.database.reader() as reader:
        _, state = await commands.state(reader, SUBSCRIPTION, id)
    for invoice_id in owed_invoices(state):
        try:
            await close_doors(desk, invoice_id, now)
        except PaymentUnderWay:
            continue
        await void(desk, invoice_id, reason, now)


async def void(desk: Desk, invoice_id: UUID, reason: str, now: datetime) -> bool:
    """Void the invoice if it is open; whether it was."""

    async def work(streams: UnitOfWork) -> bool:
        invoice = await streams.state(INVOICE, invoice_id)
        if not isinstance(invoice, Open):
            return False
        cause = own_cause(now, because=invoice_id)
        await streams.handle(INVOICE, invoice_id, VoidInvoice(reason, now), cause)
        return True

    return await unit(desk.kernel.commands, work)
