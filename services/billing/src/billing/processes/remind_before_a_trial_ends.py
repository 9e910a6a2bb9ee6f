"""Three days before a trial ends its customer is told, while it can still be cancelled for free."""

from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due

from billing.deadlines import REMIND_BEFORE
from billing.subscriptions.commands import AnnounceTrialEnd
from billing.subscriptions.decider import SUBSCRIPTION


async def remind_before_a_trial_ends(
    due: Due, transaction: Transaction, commands: Commands, now: datetime
) -> None:
    """Record that they are to be told; the mail follows from that."""
    id = UUID(due.stream.removeprefix("subscription-"))
    command = AnnounceTrialEnd(due.due + REMIND_BEFORE, now)
    await commands.handle_in(transaction, SUBSCRIPTION, id, command, due.cause(now))
