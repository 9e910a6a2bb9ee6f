"""Connections kept open for whoever needs one next.

asyncpg's own pool costs a third of the commands per second at 32 callers (a task and a proxy for
each use, measured by `python -m bench commands`); this one hands out the connection itself.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

Open = Callable[[], Awaitable[asyncpg.Connection]]

BROKEN_OFF = (
    asyncio.CancelledError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    OSError,
    TimeoutError,
)
"""After these nobody knows what the connection is doing."""

CLOSING_SECONDS = 10.0
"""How long connections in use may go on once the pool is closed."""


class ConnectionPool:
    """At most `size` connections, each opened when it is first needed; callers wait in line."""

    def __init__(self, open: Open, size: int) -> None:
        self._open = open
        self._free = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []
        self._in_use: set[asyncpg.Connection] = set()
        self._closed = False

    def connection(self) -> "_Borrowed":
        """`async with` a connection outside any transaction. Raises what opening one raises."""
        return _Borrowed(self)

    async def take(self) -> asyncpg.Connection:
        """The newest idle one, or another; `give_back` owes it."""
        await self._free.acquire()
        try:
            connection = self._newest() or await self._open()
        except BaseException:
            self._free.release()
            raise
        self._in_use.add(connection)
        return connection

    def give_back(self, connection: asyncpg.Connection, *, broken_off: bool) -> None:
        """Keep it for the next; one whose last statement was broken off may yet begin something."""
        self._in_use.discard(connection)
        if broken_off or self._closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Close all, those in use after what they are doing."""
        self._closed = True
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                while self._in_use:  # noqa: ASYNC110 (once in a process's life)
                    await asyncio.sleep(0.01)
                while self._idle:
                    await self._idle[-1].close()
                    self._idle.pop()
        except TimeoutError:
            for connection in (*self._in_use, *self._idle):
                connection.terminate()

    def _newest(self) -> asyncpg.Connection | None:
        # its caches are warm, and the others may rest
        if self._closed:
            raise asyncpg.InterfaceError("the pool is closed")
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None


class _Borrowed:
    """A class, not a generator: this is entered for every statement."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def __aenter__(self) -> asyncpg.Connection:
        self._connection = await self._pool.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        broken_off = kind is not None and issubclass(kind, BROKEN_OFF)
        self._pool.give_back(self._connection, broken_off=broken_off)
