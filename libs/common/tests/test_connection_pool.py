"""The pool: never more than its size, never a connection that somebody else's work hangs on."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from common.connection_pool import ConnectionPool
from common.database import AWAY, Database
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def pool(postgres: EmbeddedPostgres) -> AsyncIterator[ConnectionPool]:
    dsn = postgres.dsn("postgres")
    pool = ConnectionPool(lambda: asyncpg.connect(dsn), 2)
    yield pool
    await pool.close()


async def pid(pool: ConnectionPool) -> int:
    async with pool.connection() as connection:
        found: int = await connection.fetchval("select pg_backend_pid() from pg_sleep(0.01)")
    return found


async def test_any_number_of_callers_share_as_many_connections_as_it_has(
    pool: ConnectionPool,
) -> None:
    assert len(set(await asyncio.gather(*(pid(pool) for _ in range(20))))) == 2


async def test_the_newest_connection_is_used_again(pool: ConnectionPool) -> None:
    assert await pid(pool) == await pid(pool)


async def test_a_connection_whose_statement_was_broken_off_is_not_handed_on(
    pool: ConnectionPool,
) -> None:
    first = await pid(pool)

    async def begin() -> None:
        async with pool.connection() as connection:
            await connection.execute("begin; select pg_sleep(60)")

    beginning = asyncio.create_task(begin())
    await asyncio.sleep(0.05)
    beginning.cancel()
    await asyncio.gather(beginning, return_exceptions=True)

    assert await pid(pool) != first


async def test_a_connection_left_inside_a_transaction_is_not_handed_on(
    pool: ConnectionPool,
) -> None:
    first = await pid(pool)
    async with pool.connection() as connection:
        await connection.execute("begin")

    assert await pid(pool) != first


async def test_a_connection_that_the_server_has_ended_is_replaced(pool: ConnectionPool) -> None:
    first = await pid(pool)
    async with pool.connection() as one, pool.connection() as other:
        victim, killer = (one, other) if one.get_server_pid() == first else (other, one)
        await killer.execute("select pg_terminate_backend($1)", first)
        with pytest.raises(AWAY):  # by what it says of it, the driver may have heard of it already
            await victim.execute("select 1")

    assert await pid(pool) != first
    assert len(set(await asyncio.gather(*(pid(pool) for _ in range(20))))) == 2


async def test_who_waits_in_vain_takes_nobodys_place(pool: ConnectionPool) -> None:
    async with pool.connection(), pool.connection():
        waiting = asyncio.create_task(pid(pool))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert len(set(await asyncio.gather(*(pid(pool) for _ in range(20))))) == 2


async def test_closing_waits_for_what_is_under_way(pool: ConnectionPool) -> None:
    working = asyncio.create_task(pid(pool))
    await asyncio.sleep(0.005)
    await pool.close()

    assert await working
    with pytest.raises(asyncpg.InterfaceError):
        await pid(pool)


async def test_who_is_interrupted_while_a_connection_is_made_leaves_none_open(
    kernel: Kernel,
) -> None:
    made: list[asyncpg.Connection] = []

    async def learn(connection: asyncpg.Connection) -> None:
        made.append(connection)
        await asyncio.Event().wait()

    async def is_made() -> bool:
        return bool(made)

    database = await Database.connect(kernel.database.dsn, on_connect=learn)
    asking = asyncio.create_task(database.answers())
    await eventually(is_made)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert made[0].is_closed()
    await database.close()
