"""One service's database: a pool, and one transaction per unit of work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import asyncpg
import orjson

from common.cancelling import told_to_end
from common.connection_pool import ConnectionPool
from common.group_commit import AT_ONCE, PATIENCE, GroupCommit
from common.standing_aside import take_part
from common.statements import Statement, Write, go_together, grouped, together

SERVICE_ROLE = "cartulary_service"
"""What services work as: may append events, may neither change nor delete them."""


class DatabaseAway(ConnectionError):
    """PostgreSQL cannot be reached."""


AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    # a session that was ended while idle in its transaction: the driver trips over the farewell
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
"""PostgreSQL, or the way to it, is gone. A caller over HTTP hears 503 (`common.service`)."""

OUTCOME_UNKNOWN = (*AWAY, OSError)
"""A commit under way when one of these is raised may or may not have happened."""


class Transaction:
    """A connection in use: inside a transaction, or with each statement committed by itself.

    Who is handed one adds to it; only `Database` begins and commits.
    """

    __slots__ = ("_after_commit", "commits", "connection")

    def __init__(self, connection: asyncpg.Connection, commits: GroupCommit | None = None) -> None:
        self.connection = connection
        self.commits = commits
        self._after_commit: list[Callable[[], None]] = []

    async def fetch(self, statement: Statement, **values: object) -> Sequence[asyncpg.Record]:
        """All rows of a query."""
        rows: Sequence[asyncpg.Record] = await self.connection.fetch(
            statement.text, *statement.arguments(values)
        )
        return rows

    async def fetch_one(self, statement: Statement, **values: object) -> asyncpg.Record | None:
        """The first row of a query, or nothing."""
        return await self.connection.fetchrow(statement.text, *statement.arguments(values))

    async def write(self, writes: Iterable[Write]) -> None:
        """Do the writes, in as few round trips as their order per key allows."""
        for statement, rows in grouped(writes):
            if len(rows) == 1:
                await self.connection.execute(statement.text, *rows[0])
            else:
                await self.connection.executemany(statement.text, rows)

    async def write_together(
        self, last: str, arguments: Sequence[object], writes: Sequence[Write]
    ) -> None:
        """Do the writes and the statement `last`, all or nothing: in one round trip if possible."""
        if go_together(writes):
            text, given = together(last, arguments, writes)
            if self.commits is not None:
                await self.commits.execute(self.connection, text, given)
            else:
                await self.connection.execute(text, *given)
            return
        async with self.connection.transaction():
            await self.write(writes)
            await self.connection.fetch(last, *arguments)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the transaction has been committed, and never if it was not."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for callback in self._after_commit:
            callback()


OnConnect = Callable[[asyncpg.Connection], Awaitable[None]]


class Database:
    """A pool of connections that work as `SERVICE_ROLE`."""

    def __init__(self, pool: ConnectionPool, batches: ConnectionPool, dsn: str) -> None:
        self._pool = pool
        self._batches = batches
        self.commits = GroupCommit(batches)
        self.dsn = dsn

    @staticmethod
    async def connect(
        dsn: str, *, size: int = 10, on_connect: OnConnect | None = None
    ) -> "Database":
        """Work with up to `size` connections, each opened when it is first needed.

        `on_connect` is handed each before anybody else.
        """

        async def open(**limits: str) -> asyncpg.Connection:
            settings = {"role": SERVICE_ROLE, **SESSION_LIMITS, **limits}
            try:
                connection = await connect(dsn, settings, command_timeout=COMMAND_TIMEOUT_SECONDS)
            except asyncpg.InvalidCatalogNameError as error:
                # it gets a backup's place at this moment; one that never was is found at the start
                raise DatabaseAway(str(error)) from error
            with _ended_if_interrupted(connection):
                await take_part(connection)
                if on_connect is not None:
                    await on_connect(connection)
            return connection

        batches = ConnectionPool(partial(open, lock_timeout=PATIENCE), AT_ONCE)
        return Database(ConnectionPool(open, size), batches, dsn)

    async def close(self) -> None:
        """Close all connections, the busy ones after what they are doing."""
        await self._pool.close()
        await self._batches.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One unit of work: committed when the block ends, rolled back when it raises."""
        try:
            async with self._pool.connection() as connection:
                transaction = Transaction(connection)
                async with connection.transaction():
                    yield transaction
        except Exception as error:
            if told_to_end():
                raise asyncio.CancelledError from error
            raise
        transaction.committed()

    def reader(self) -> AbstractAsyncContextManager[Transaction]:
        """`async with` a connection without a transaction: each statement sees what is
        committed."""
        return _Reader(self._pool, self.commits)

    async def fetch(self, statement: Statement, **values: object) -> Sequence[asyncpg.Record]:
        """All rows of one query."""
        async with self._pool.connection() as connection:
            return await Transaction(connection).fetch(statement, **values)

    async def fetch_one(self, statement: Statement, **values: object) -> asyncpg.Record | None:
        """The first row of one query, or nothing."""
        async with self._pool.connection() as connection:
            return await Transaction(connection).fetch_one(statement, **values)

    @asynccontextmanager
    async def session(self, application_name: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own for session locks, named so that one finds it.

        PostgreSQL ends it after `SESSION_IDLE` without a statement: its owner shows signs of life.
        """
        connection = await connect(
            self.dsn,
            {
                "role": SERVICE_ROLE,
                "application_name": application_name,
                # a process that stands still, or is cut off, must not keep its locks for ever
                "idle_session_timeout": SESSION_IDLE,
            },
        )
        try:
            await take_part(connection)
            yield connection
        finally:
            # a session that is closed for good must not wait for an answer that may never come
            connection.terminate()

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection as the owner of the tables: for migrations and rebuilds."""
        connection = await connect(self.dsn, {})
        try:
            await take_part(connection)
            yield connection
        finally:
            await connection.close()

    async def answers(self) -> bool:
        """Whether PostgreSQL answers within two seconds."""
        try:
            async with asyncio.timeout(2), self.reader() as reader:
                await reader.connection.execute("select 1")
        except (*OUTCOME_UNKNOWN, asyncpg.PostgresError):
            return False
        return True


class _Reader:
    """A class, not a generator: every command enters one."""

    __slots__ = ("_borrowed", "_commits", "_transaction")

    def __init__(self, pool: ConnectionPool, commits: GroupCommit) -> None:
        self._borrowed = pool.connection()
        self._commits = commits

    async def __aenter__(self) -> Transaction:
        try:
            connection = await self._borrowed.__aenter__()
        except Exception as error:
            if told_to_end():
                raise asyncio.CancelledError from error
            raise
        self._transaction = Transaction(connection, self._commits)
        return self._transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, *more: object
    ) -> None:
        await self._borrowed.__aexit__(kind, error, *more)
        if error is None:
            self._transaction.committed()
        elif isinstance(error, Exception) and told_to_end():
            raise asyncio.CancelledError from error


COMMAND_TIMEOUT_SECONDS = 60
SESSION_IDLE = "10s"
SESSION_LIMITS = {
    # a writer that stands still holds every follower at its floor: end it instead
    "idle_in_transaction_session_timeout": "15s",
    "statement_timeout": "60s",
    "application_name": "cartulary",
    # somebody who waits longer for another's row hears that the other is still at it
    "lock_timeout": "5s",
    # plans of statements with array parameters must not be made anew at each call
    "jit": "off",
}


async def connect(
    dsn: str, server_settings: dict[str, str], *, command_timeout: float | None = None
) -> asyncpg.Connection:
    """One connection with the codecs that the kernel relies on. Raises `DatabaseAway`, and what
    PostgreSQL itself says."""
    try:
        connection = await asyncpg.connect(
            dsn, server_settings=server_settings, command_timeout=command_timeout
        )
    except OSError as error:  # refused, unreachable, no such socket, no such name
        raise DatabaseAway(str(error)) from error
    # json stays text: the hash chain covers the very bytes; jsonb is read and written as values
    with _ended_if_interrupted(connection):
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=_jsonb, decoder=orjson.loads, format="text"
        )
    return connection


@contextmanager
def _ended_if_interrupted(connection: asyncpg.Connection) -> Iterator[None]:
    """Until it is handed over nobody else can end it."""
    try:
        yield
    except BaseException:
        connection.terminate()
        raise


def _jsonb(value: Any) -> str:
    return orjson.dumps(value).decode()
