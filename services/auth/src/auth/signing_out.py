"""Ending the sessions of an account, in the transaction of whatever is the reason for it.

The account's row is locked before its sessions, here and where a session begins: so a login under
way is either seen and ended, or sees the reason and is refused.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

import asyncpg
from common.database import Transaction
from common.event_store import Cause, VersionConflict
from common.kernel import Kernel
from common.problems import Conflict

from auth.sessions.commands import EndSession
from auth.sessions.decider import SESSION
from auth.sessions.read_model import locked_sessions


@dataclass(frozen=True)
class SigningOut:
    """Ends all sessions of an account but `kept`; a `Then` for the command that is the reason.

    `reason` is one of those that `SessionEnded` lists; `cause` is the command's.
    """

    kernel: Kernel
    account_id: UUID
    reason: str
    cause: Cause
    kept: UUID | None = None

    async def __call__(self, transaction: Transaction) -> None:
        """End them."""
        for session_id in await locked_sessions(transaction, self.account_id):
            if session_id != self.kept:
                await self._end(transaction, session_id)

    async def _end(self, transaction: Transaction, session_id: UUID) -> None:
        command = EndSession(
            session_id, self.account_id, self.reason, self.cause.actor, self.cause.now
        )
        cause = part_of(self.cause, session_id)
        await self.kernel.commands.handle_in(transaction, SESSION, session_id, command, cause)


@asynccontextmanager
async def sessions_unit(kernel: Kernel) -> AsyncIterator[Transaction]:
    """A transaction on sessions that is no single command's.

    Raises `Conflict` when somebody else holds them for too long. When PostgreSQL is lost meanwhile
    nobody knows whether it was committed, and a repeat is harmless.
    """
    try:
        async with kernel.database.transaction() as transaction:
            yield transaction
    except (asyncpg.LockNotAvailableError, VersionConflict):
        raise Conflict from None


def part_of(cause: Cause, stream_id: UUID) -> Cause:
    """The cause of what a command does beside its own stream: an id of its own, nothing kept."""
    return replace(cause, command_id=uuid5(cause.command_id, str(stream_id)), fingerprint=None)
