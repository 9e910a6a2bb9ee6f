"""Billing's time: the machine's, and in a sandbox ahead of it by what all processes read alike."""

import asyncio
from datetime import UTC, datetime, timedelta

from common.database import Database

READ_SECONDS = 0.25


class SandboxClock:
    """The machine's clock, moved forward. Never back: what happened stays behind it."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(UTC) + self._ahead

    async def read(self, database: Database) -> None:
        """Take over how far it was moved by any process."""
        async with database.reader() as reader:
            ahead: timedelta = await reader.connection.fetchval(_AHEAD)
        self._ahead = max(self._ahead, ahead)

    async def keep_read(self, database: Database) -> None:
        """Do so until cancelled."""
        while True:
            await self.read(database)
            await asyncio.sleep(READ_SECONDS)

    async def move_to(self, database: Database, moment: datetime) -> None:
        """Let it be `moment` here and, within a second, in the other processes."""
        ahead = moment - datetime.now(UTC)
        async with database.reader() as writer:
            self._ahead = await writer.connection.fetchval(_MOVE, ahead)


_AHEAD = "select ahead from sandbox_clock"
_MOVE = "update sandbox_clock set ahead = greatest(ahead, $1) returning ahead"
