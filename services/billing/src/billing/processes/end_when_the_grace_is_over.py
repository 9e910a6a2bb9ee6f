"""A week after the last try access ends, and its invoice is given up."""

from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due

from billing.invoices.commands import WriteOff
from billing.invoices.decider import INVOICE
from billing.subscription_rules.states import Ended, Unpaid
from billing.subscriptions.commands import EndGrace
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause


async def end_when_the_grace_is_over(
    due: Due, transaction: Transaction, commands: Commands, now: datetime
) -> None:
    """End it, unless it was paid or its end was moved meanwhile."""
    id = UUID(due.stream.removeprefix("subscription-"))
    _, before = await commands.state(transaction, SUBSCRIPTION, id)
    if not isinstance(before, Unpaid):
        return
    command = EndGrace(due.due, now)
    handled = await commands.handle_in(transaction, SUBSCRIPTION, id, command, due.cause(now))
    invoice_id = before.live.due_invoice
    if isinstance(handled.state, Ended) and invoice_id is not None:
        cause = own_cause(now, because=due.id)
        await commands.handle_in(transaction, INVOICE, invoice_id, WriteOff(now), cause)
