"""A transaction that has appended and stands still: named, survived, ended."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest
from common.database import OUTCOME_UNKNOWN, Transaction
from common.follower_status import following
from common.kernel import Kernel, open_kernel
from common.problems import Unavailable
from common.testing.example import NOTE, WriteNote
from common.testing.faults.invariants import inspect, quiet
from common.testing.faults.postgres_server import RestartablePostgres
from common.testing.faults.system import System
from common.testing.kernel import EXAMPLE, cause
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

GONE = (*OUTCOME_UNKNOWN, asyncpg.PostgresError)


async def horizon(kernel: Kernel) -> tuple[int, int]:
    """Up to where followers may read, and the last position that was drawn."""
    async with kernel.database.reader() as reader:
        row = await reader.connection.fetchrow(
            "select (select horizon from events_after(0, 1) limit 1), last_value"
            " from events_position_seq"
        )
    return row["horizon"], row["last_value"]


async def test_a_writer_that_stands_still_is_named_and_ended_while_the_others_go_on(
    system: System,
) -> None:
    """P14. The service's own limit is 15 s; the test only asks for a shorter one."""
    kernel, id = system.notes, uuid4()
    with suppress(*GONE):
        async with kernel.database.transaction() as stuck:
            limit = await stuck.connection.fetchval("show idle_in_transaction_session_timeout")
            await stuck.connection.execute("set idle_in_transaction_session_timeout = '3s'")
            pid = await stuck.connection.fetchval("select pg_backend_pid()")
            command = WriteNote(id, id, str(id), "stuck")
            await kernel.commands.handle_in(stuck, NOTE, id, command, cause())

            await system.writer().note(2)
            stands, last = await horizon(kernel)
            holders = (await following(kernel.database)).holders

            async def goes_on() -> bool:
                return (await horizon(kernel))[0] >= last

            await eventually(goes_on, within=30, what="followers that may go on")

    assert limit == "15s"
    assert stands < last
    assert holders[0].pid == pid
    await quiet(system)
    findings = await inspect(system)
    assert findings.faultless, findings


@pytest.fixture
async def one_connection(breakable_postgres: RestartablePostgres) -> AsyncIterator[Kernel]:
    """A kernel whose only connection PostgreSQL ends when it stands still."""
    dsn = await breakable_postgres.server.create_database(f"idle_{uuid4().hex}")
    keys = {"data_key": b"d" * 32, "wire_key": b"w" * 32}
    async with open_kernel(EXAMPLE, dsn=dsn, **keys, pool_size=1) as kernel:
        async with kernel.database.reader() as only:
            await only.connection.execute("set idle_in_transaction_session_timeout = '100ms'")
        yield kernel


async def stand_still(_: Transaction) -> None:
    """The whole process does, as under SIGSTOP."""
    time.sleep(0.5)  # noqa: ASYNC251 (so that nothing else goes on either)


async def test_a_command_whose_transaction_was_ended_for_standing_still_asks_to_be_repeated(
    one_connection: Kernel,
) -> None:
    """A process that was paused in the middle of a command must not call that a defect."""
    commands, id = one_connection.commands, uuid4()
    command = WriteNote(id, id, "t", "x")

    with pytest.raises(Unavailable):
        await commands.handle(NOTE, id, command, cause(), then=stand_still)

    assert (await commands.handle(NOTE, id, command, cause())).version == 1
