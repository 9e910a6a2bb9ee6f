"""Statements that commit themselves, of callers at the same moment, under one commit.

A round trip and a commit cost more than the rows of a command. While one is under way the next
callers gather: who is alone waits for nobody, and a crowd shares what is dear. A batch is one
transaction, so when PostgreSQL refuses one of its statements nothing of it has happened; each
caller then goes alone, and hears what concerns nobody else.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg
from prometheus_client import Histogram

from common.connection_pool import ConnectionPool

MOST_TOGETHER = 64
"""Statements under one commit: more gain nothing, and all are repeated when one is refused."""

AT_ONCE = 2
"""Commits under way before callers gather: while PostgreSQL flushes one, the next is written."""

WORTH_A_COMMIT, CROWD_SECONDS = 4, 0.010
"""In a crowd, callers that share a second commit beside the one under way: fewer wait until that
ends, yet no longer than so many seconds. Without a crowd the second goes for one."""

PATIENCE = "100ms"
"""How long a batch waits for a row that somebody else holds: its members shall not wait for what
only one of them wants. It is the `lock_timeout` of the connection that batches go over."""

SIZES = Histogram(
    "cartulary_group_commit_statements",
    "Statements that were sent under one commit",
    buckets=(1, 2, 4, 8, 16, 32, MOST_TOGETHER),
)


@dataclass(slots=True, eq=False)
class _Waiting:
    text: str
    arguments: Sequence[object]
    committed: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def tell(self, told: bool | Exception) -> None:
        """Whether it was committed with others, or what has left that unknown."""
        if self.committed.done():
            return  # cancelled
        if isinstance(told, Exception):
            self.committed.set_exception(told)
        else:
            self.committed.set_result(told)


class GroupCommit:
    """Brings together statements of the same text; batches go over a connection of `pool`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: list[_Waiting] = []
        self._under_way = 0
        self._crowded = False
        self._limit: asyncio.TimerHandle | None = None
        self._batches: set[asyncio.Task[None]] = set()

    async def execute(
        self, own: asyncpg.Connection, text: str, arguments: Sequence[object]
    ) -> None:
        """Carry it out and commit, over the caller's `own` connection where nobody shares it."""
        if not self._may_begin(1):
            waiting = _Waiting(text, arguments)
            self._waiting.append(waiting)
            if len(self._waiting) == 1:
                self._limit_the_wait()
            self._go_on()
            if await waiting.committed:
                return
        self._under_way += 1
        try:
            await own.execute(text, *arguments)
        finally:
            self._under_way -= 1
            self._go_on()

    def _may_begin(self, callers: int) -> bool:
        enough = WORTH_A_COMMIT if self._crowded else 1
        return not self._under_way or (self._under_way < AT_ONCE and callers >= enough)

    def _limit_the_wait(self) -> None:
        """The commit under way may take long: somebody holds a row that it wants, say."""
        if self._limit is not None:
            self._limit.cancel()
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(CROWD_SECONDS, self._end_the_wait) if self._waiting else None

    def _end_the_wait(self) -> None:
        self._crowded = False
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._may_begin(len(self._waiting)):
            self._under_way += 1
            task = asyncio.create_task(self._commit_next())
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    async def _commit_next(self) -> None:
        batch = self._gathered()
        self._crowded = len(batch) > 1
        self._limit_the_wait()
        told: bool | Exception = ConnectionError("stopped before the answer came")
        try:
            told = await self._commit(batch)
        except Exception as error:
            # each of them has to look up what became of it
            told = error
        finally:
            for waiting in batch:
                waiting.tell(told)
            self._under_way -= 1
            self._go_on()

    def _gathered(self) -> list[_Waiting]:
        """The oldest one and those that say the same; who has given up is forgotten."""
        alive = [each for each in self._waiting if not each.committed.done()]
        same = [each for each in alive if each.text == alive[0].text][:MOST_TOGETHER]
        self._waiting = [each for each in alive if each not in same]
        return same

    async def _commit(self, batch: Sequence[_Waiting]) -> bool:
        """Whether all are committed; none is if not. Raises what leaves it unknown."""
        if not batch:
            return False
        SIZES.observe(len(batch))
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._pool.connection())
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
                return False  # nothing was sent
            try:
                await connection.executemany(batch[0].text, [each.arguments for each in batch])
            except (asyncpg.PostgresError, ValueError, TypeError):
                if connection.is_closed():
                    raise
                return False
        return True
