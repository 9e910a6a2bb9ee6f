"""One transaction over several streams: done again from the start when another was faster."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from common.command_handling import Commands
from common.command_records import LOST_RACES
from common.event_store import Cause
from common.ids import uuid7
from common.problems import Conflict
from common.races import until_won
from common.unit_of_work import UnitOfWork

ResultT = TypeVar("ResultT")


async def unit(commands: Commands, work: Callable[[UnitOfWork], Awaitable[ResultT]]) -> ResultT:
    """What `work` returns, committed as a whole. It must be able to begin anew.

    Raises `Conflict` after several lost races, and what `work` raises.
    """

    async def once() -> ResultT:
        async with (
            commands.database.transaction() as transaction,
            UnitOfWork(commands, transaction) as streams,
        ):
            return await work(streams)

    try:
        return await until_won(once)
    except LOST_RACES:
        raise Conflict from None


def own_cause(now: datetime, *, because: UUID | None = None, actor: UUID | None = None) -> Cause:
    """The cause of a step that is safe to repeat because its state says that it was done."""
    return Cause(uuid7(), now, actor=actor, causation_id=str(because) if because else None)
