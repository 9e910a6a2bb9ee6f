"""Who loses a race for a stream begins anew, at once and a few times: one place for that loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.command_records import LOST_RACES

ResultT = TypeVar("ResultT")

TRIES = 6


async def until_won(attempt: Callable[[], Awaitable[ResultT]], *, tries: int = TRIES) -> ResultT:
    """What `attempt` returns, made again while others are faster: it must be able to begin anew,
    each time in a transaction of its own. Raises the last of `LOST_RACES` after so many tries."""
    for _ in range(tries - 1):
        try:
            return await attempt()
        except LOST_RACES:
            await asyncio.sleep(0)  # whoever was faster may go on first
    return await attempt()
