"""Statements that commit themselves, of callers at the same moment, under one commit.

A round trip and a commit cost more than the rows of a command. Those who come in the same round of
the event loop go together, and so do those who gather while other commits are under way: who is
alone waits for nobody, and a crowd shares what is dear. A batch is one transaction, so when
PostgreSQL refuses one of its statements nothing of it has happened; each caller then goes alone,
and hears what concerns nobody else.
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg
from prometheus_client import Histogram

from common.connection_pool import ConnectionPool

AT_ONCE = 2
"""Commits under way before callers gather: while PostgreSQL flushes one, the next is written."""

LEAST_TOGETHER, MOST_TOGETHER = 4, 16
"""Statements under one commit. A crowd is parted among the commits that may be under way, since
PostgreSQL writes one part while the next is made here, but not into parts so small that commits
cost more than rows. All of a part are repeated when one is refused."""

PATIENCE_SECONDS = 0.1
"""How long others wait for one who wants a row that somebody holds. Then its batch is given up, and
a commit that takes longer keeps nobody from the next."""

PATIENCE = f"{PATIENCE_SECONDS * 1000:.0f}ms"
"""The same, as `lock_timeout` of the connections that batches go over."""

SIZES = Histogram(
    "cartulary_group_commit_statements",
    "Statements that were sent under one commit",
    buckets=(1, 2, 4, 8, MOST_TOGETHER),
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
        self._under_way: dict[object, float] = {}  # since when, by the loop's clock
        self._leaving = False
        self._overdue: asyncio.TimerHandle | None = None
        self._batches: set[asyncio.Task[None]] = set()

    async def execute(
        self, own: asyncpg.Connection, text: str, arguments: Sequence[object]
    ) -> None:
        """Carry it out and commit, over the caller's `own` connection where nobody shares it."""
        waiting = _Waiting(text, arguments)
        self._waiting.append(waiting)
        self._go_on()
        if await waiting.committed:
            return
        self._begin(waiting)
        try:
            await own.execute(text, *arguments)
        finally:
            self._end(waiting)

    def _begin(self, commit: object) -> None:
        self._under_way[commit] = asyncio.get_running_loop().time()

    def _end(self, commit: object) -> None:
        self._under_way.pop(commit, None)
        self._go_on()

    def _go_on(self) -> None:
        if not self._waiting or self._leaving:
            return
        loop = asyncio.get_running_loop()
        if len(self._under_way) < AT_ONCE:
            self._leaving = True
            # not at once: whom the last batch has answered come in this very round with their next
            loop.call_soon(self._leave)
        elif self._overdue is None:
            self._overdue = loop.call_later(PATIENCE_SECONDS, self._pass_by)

    def _pass_by(self) -> None:
        """Wait no longer for those who may themselves wait for a row."""
        self._overdue = None
        latest = asyncio.get_running_loop().time() - PATIENCE_SECONDS
        self._under_way = {who: since for who, since in self._under_way.items() if since > latest}
        self._go_on()

    def _leave(self) -> None:
        self._leaving = False
        batch = self._gathered()
        if len(batch) == 1:
            batch[0].tell(False)  # it has a connection of its own
        elif batch:
            self._begin(batch[0])
            task = asyncio.create_task(self._commit_together(batch))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)
        self._go_on()

    async def _commit_together(self, batch: Sequence[_Waiting]) -> None:
        told: bool | Exception = ConnectionError("stopped before the answer came")
        try:
            told = await self._commit(batch)
        except Exception as error:
            # each of them has to look up what became of it
            told = error
        finally:
            for waiting in batch:
                waiting.tell(told)
            self._end(batch[0])

    def _gathered(self) -> list[_Waiting]:
        """The oldest one and others that say the same, as many as their part of all who wait; who
        has given up is forgotten."""
        alive = [each for each in self._waiting if not each.committed.done()]
        share = math.ceil(len(alive) / max(1, AT_ONCE - len(self._under_way)))
        most = min(max(share, LEAST_TOGETHER), MOST_TOGETHER)
        same = [each for each in alive if each.text == alive[0].text][:most]
        self._waiting = [each for each in alive if each not in same]
        return same

    async def _commit(self, batch: Sequence[_Waiting]) -> bool:
        """Whether all are committed; none is if not. Raises what leaves it unknown."""
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
