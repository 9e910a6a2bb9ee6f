"""A declined payment is tried again after 1, 3, 5 and 7 days; a transfer has until its due date."""

from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due
from common.unit_of_work import UnitOfWork

from billing.invoice_states import Open
from billing.invoices.decider import INVOICE
from billing.paying import method_of, start_in
from billing.payments.events import Means
from billing.subscription_rules.states import PastDue
from billing.subscriptions.commands import GiveUp, NoteFailedPayment, SubscriptionCommand
from billing.subscriptions.decider import SUBSCRIPTION
from billing.transfers import TRANSFER


async def try_a_declined_payment_again(
    due: Due, transaction: Transaction, commands: Commands, now: datetime
) -> None:
    """Begin the next attempt, unless it was paid or ended meanwhile."""
    id = UUID(due.stream.removeprefix("subscription-"))
    _, state = await commands.state(transaction, SUBSCRIPTION, id)
    if not isinstance(state, PastDue) or state.retry_at != due.due:
        return
    of, invoice_id = state.live.agreement, state.live.due_invoice
    assert invoice_id is not None
    command: SubscriptionCommand | None = None
    if of.provider == TRANSFER:
        command = GiveUp(due.due, "not_transferred", now)
    elif await _is_open(transaction, invoice_id):
        # somebody is paying by hand at this very moment: look again as after a failure
        command = NoteFailedPayment(invoice_id, "payment_under_way", False, now)
    else:
        async with UnitOfWork(commands, transaction) as streams:
            await _start(streams, invoice_id, now)
    if command is not None:
        cause = due.cause(now)
        await commands.handle_in(transaction, SUBSCRIPTION, id, command, cause)


async def _is_open(transaction: Transaction, invoice_id: UUID) -> bool:
    return bool(await transaction.connection.fetchval(_OPEN, invoice_id))


async def _start(streams: UnitOfWork, invoice_id: UUID, now: datetime) -> None:
    invoice = await streams.state(INVOICE, invoice_id)
    if not isinstance(invoice, Open):
        return
    content = invoice.content
    method_id = await method_of(streams.transaction, content.account_id, content.provider)
    how: tuple[str, Means, UUID | None] = (content.provider, "saved_method", method_id)
    asked = (invoice_id, content.account_id, content.total)
    await start_in(streams, asked, how, now, automatic=True)


_OPEN = "select exists (select from open_payments where invoice_id = $1)"
