"""What an administrator gives: a period whose payment is waited for begins without it.

Its invoice is void, so that nobody pays it as well; the ways into it are closed first.
"""

from uuid import UUID

from common.event_store import Cause
from common.problems import Conflict
from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.invoice_refunds import refund_by_id
from billing.invoice_states import Open
from billing.invoices.commands import VoidInvoice
from billing.invoices.decider import INVOICE
from billing.paying import close_doors
from billing.refunding import RefundOrder, refund
from billing.subscription_rules.states import (
    PastDue,
    Paused,
    Pending,
    SubscriptionState,
    Unpaid,
)
from billing.subscriptions.commands import GrantPeriod
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause, unit


class NothingToRefund(Conflict):
    """Nothing was paid for it, or all of that went back."""

    code = "nothing_to_refund"
    detail = "Nothing was paid for this subscription that is not given back."


def waited_for(state: SubscriptionState) -> UUID | None:
    """The invoice whose payment would begin the next period."""
    match state:
        case Pending():
            return state.invoice_id
        case PastDue() | Unpaid():
            return state.live.due_invoice
        case Paused():
            return state.live.resume_invoice
        case _:
            return None


async def grant(desk: Desk, id: UUID, cause: Cause) -> None:
    """Begin what waits for its payment, without one; a repeat changes nothing.

    Raises `NotFound`, `SubscriptionOver`, `TrialRunning`, `PaymentUnderWay`, `TrialUsed`, ...
    """
    commands, now = desk.kernel.commands, cause.now
    async with desk.kernel.database.reader() as reader:
        _, state = await commands.state(reader, SUBSCRIPTION, id)
    if (invoice_id := waited_for(state)) is not None:
        await close_doors(desk, invoice_id, now)

    async def work(streams: UnitOfWork) -> None:
        state = await streams.state(SUBSCRIPTION, id)
        if (invoice_id := waited_for(state)) is not None:
            await _void(streams, invoice_id, cause)
        own = own_cause(now, actor=cause.actor)
        await streams.handle(SUBSCRIPTION, id, GrantPeriod(now), own)

    await unit(commands, work)


async def _void(streams: UnitOfWork, invoice_id: UUID, cause: Cause) -> None:
    now = cause.now
    invoice = await streams.state(INVOICE, invoice_id)
    if isinstance(invoice, Open):
        own = own_cause(now, actor=cause.actor)
        void = VoidInvoice("granted", now)
        await streams.handle(INVOICE, invoice_id, void, own)


async def refund_newest(desk: Desk, id: UUID, order: RefundOrder, cause: Cause) -> None:
    """Give back what was paid last for a subscription and is not given back, or some of it.

    Raises `NothingToRefund`, and what `refund` raises.
    """
    known = await refund_by_id(desk.kernel.database, order[0])
    async with desk.kernel.database.reader() as reader:
        # whoever repeats the request means the same invoice, not the one before it
        invoice_id = (
            known.invoice_id if known else await reader.connection.fetchval(_NEWEST_PAID, id)
        )
    if invoice_id is None:
        raise NothingToRefund
    await refund(desk, invoice_id, order, cause)


_NEWEST_PAID = """
    select invoice_id from invoices
     where subscription_id = $1 and status = 'paid'
       and refunded < (total ->> 'amount')::bigint
     order by paid_at desc, invoice_id desc limit 1"""
