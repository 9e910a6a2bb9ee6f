"""While somebody restores, no session of the service is let in; a kill lets all of them back."""

import asyncpg
import pytest
from common.database import OUTCOME_UNKNOWN, connect
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.problems import Unavailable
from common.standing_aside import BeingRestored, alone
from common.testing.backups import write
from common.testing.example import ALL_NOTES
from common.testing.waiting import eventually


async def can_write(kernel: Kernel) -> bool:
    try:
        await write(kernel, "again")
    except (*OUTCOME_UNKNOWN, Unavailable):
        return False
    return True


async def test_a_database_that_is_restored_lets_no_session_of_the_service_in(
    postgres: EmbeddedPostgres, kernel: Kernel
) -> None:
    await write(kernel, "before")
    server = await connect(postgres.dsn("postgres"), {})
    own = await connect(kernel.database.dsn, {})
    async with alone(server, own):
        with pytest.raises(OUTCOME_UNKNOWN):
            await kernel.database.fetch(ALL_NOTES)  # its session was ended
        for session in (
            kernel.database.reader(),
            kernel.database.owner(),
            kernel.database.session("leader"),
        ):
            with pytest.raises(BeingRestored):
                async with session:
                    pass
        assert not await kernel.database.answers()

    await eventually(lambda: can_write(kernel), what="a write")
    await server.close()


async def test_a_restore_that_is_killed_keeps_nobody_out(
    postgres: EmbeddedPostgres, kernel: Kernel
) -> None:
    server = await connect(postgres.dsn("postgres"), {})
    own = await connect(kernel.database.dsn, {})
    async with alone(server, own):
        assert not await can_write(kernel)
        await server.execute("select pg_terminate_backend($1)", own.get_server_pid())

        await eventually(lambda: can_write(kernel), what="a write")
    await server.close()


async def test_a_session_that_takes_no_part_is_left_alone(
    postgres: EmbeddedPostgres, kernel: Kernel
) -> None:
    somebody = await asyncpg.connect(kernel.database.dsn)
    server = await connect(postgres.dsn("postgres"), {})
    own = await connect(kernel.database.dsn, {})
    async with alone(server, own):
        assert await somebody.fetchval("select 1") == 1
    await somebody.close()
    await server.close()
