"""An invoice whose due date has passed is overdue: a fact, which mails and lists follow."""

from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due

from billing.invoices.commands import NoteOverdue
from billing.invoices.decider import INVOICE


async def note_invoices_that_are_overdue(
    due: Due, transaction: Transaction, commands: Commands, now: datetime
) -> None:
    """Note it, if it still is to be paid."""
    id = UUID(due.stream.removeprefix("invoice-"))
    await commands.handle_in(transaction, INVOICE, id, NoteOverdue(due.due, now), due.cause(now))
