"""One service's database: a pool, and one transaction per unit of work."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from common.statements import Statement, Write, grouped

SERVICE_ROLE = "cartulary_service"
"""What services work as: may append events, may neither change nor delete them."""

OUTCOME_UNKNOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    OSError,
    TimeoutError,
)
"""PostgreSQL is away; a commit under way may or may not have happened."""


class Transaction:
    """An open transaction: who is handed one adds to it, only `Database.transaction` commits."""

    __slots__ = ("_after_commit", "connection")

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
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

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the transaction has been committed, and never if it was not."""
        self._after_commit.append(callback)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for callback in self._after_commit:
            callback()


class Database:
    """A pool of connections that work as `SERVICE_ROLE`."""

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self._pool = pool
        self.dsn = dsn

    @staticmethod
    async def connect(dsn: str, *, size: int = 10) -> "Database":
        """Open up to `size` connections, each when it is first needed."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            init=_prepare_connection,
            reset=_keep_session,
            command_timeout=60,
            server_settings={"role": SERVICE_ROLE, **SESSION_LIMITS},
        )
        return Database(pool, dsn)

    async def close(self) -> None:
        """Close all connections, the busy ones after what they are doing."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One unit of work: committed when the block ends, rolled back when it raises."""
        async with self._pool.acquire() as connection:
            transaction = Transaction(connection)
            async with connection.transaction():
                yield transaction
            transaction.committed()

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Transaction]:
        """A connection without a transaction: each statement sees what is committed."""
        async with self._pool.acquire() as connection:
            yield Transaction(connection)

    async def fetch(self, statement: Statement, **values: object) -> Sequence[asyncpg.Record]:
        """All rows of one query."""
        async with self.reader() as reader:
            return await reader.fetch(statement, **values)

    async def fetch_one(self, statement: Statement, **values: object) -> asyncpg.Record | None:
        """The first row of one query, or nothing."""
        async with self.reader() as reader:
            return await reader.fetch_one(statement, **values)

    @asynccontextmanager
    async def session(self, application_name: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own for session locks, named so that one finds it."""
        connection = await connect(
            self.dsn, {"role": SERVICE_ROLE, "application_name": application_name}
        )
        try:
            yield connection
        finally:
            # a session that is closed for good must not wait for an answer that may never come
            connection.terminate()

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection as the owner of the tables: for migrations and rebuilds."""
        connection = await connect(self.dsn, {})
        try:
            yield connection
        finally:
            await connection.close()

    async def answers(self) -> bool:
        """Whether PostgreSQL answers within two seconds."""
        try:
            async with self._pool.acquire(timeout=2) as connection:
                await connection.execute("select 1", timeout=2)
        except (*OUTCOME_UNKNOWN, asyncpg.PostgresError):
            return False
        return True


SESSION_LIMITS = {
    # a writer that stands still holds every follower at its floor: end it instead
    "idle_in_transaction_session_timeout": "15s",
    "statement_timeout": "60s",
    "application_name": "cartulary",
    # plans of statements with array parameters must not be made anew at each call
    "jit": "off",
}


async def connect(dsn: str, server_settings: dict[str, str]) -> asyncpg.Connection:
    """One connection with the codecs that the kernel relies on."""
    connection = await asyncpg.connect(dsn, server_settings=server_settings, command_timeout=None)
    await _prepare_connection(connection)
    return connection


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    # json stays text: the hash chain covers the very bytes; jsonb is read and written as values
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_jsonb, decoder=orjson.loads, format="text"
    )


def _jsonb(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _keep_session(_: asyncpg.Connection) -> None:
    """Nothing is left behind by our transactions, so no round trip is spent on resetting them."""
