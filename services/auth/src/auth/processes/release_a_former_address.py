"""When a change of address can no longer be undone, the former address is free for others."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from common.command_handling import Commands
from common.database import Transaction
from common.problems import NotFound
from common.read_models import Projection, Stamp
from common.statements import Write
from common.timers import Due, OnDue, set_timer

from auth.accounts.decider import ACCOUNT
from auth.addresses.commands import ReleaseFormerAddress
from auth.addresses.events import EmailChanged

KIND = "release_a_former_address"


def _set(event: EmailChanged, stamp: Stamp) -> list[Write]:
    message = {"account_id": str(event.account_id), "request_id": str(event.request_id)}
    return [set_timer(KIND, event.undo_until, stamp, message)]


TIMERS_OF_FORMER_ADDRESSES = Projection(EmailChanged, _set)
"""Sets the timer in the transaction of the change."""


async def _release(due: Due, transaction: Transaction, commands: Commands, now: datetime) -> None:
    id = UUID(due.message["account_id"])
    command = ReleaseFormerAddress(id, UUID(due.message["request_id"]), now)
    try:
        await commands.handle_in(transaction, ACCOUNT, id, command, due.cause(now))
    except NotFound:
        return  # erased meanwhile, and with it all of its addresses


RELEASE_A_FORMER_ADDRESS: Mapping[str, OnDue] = {KIND: _release}
