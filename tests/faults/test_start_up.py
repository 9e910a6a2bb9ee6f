"""kill -9 in the middle of what a process does before it is ready."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from common.testing.faults.crash_points import CrashPoint
from common.testing.faults.invariants import inspect, quiet
from common.testing.faults.postgres_server import RestartablePostgres
from common.testing.faults.supervision import Service
from common.testing.faults.system import NOTES, READER, System
from common.testing.processes import free_port
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def ended_at(service: Service, point: CrashPoint, passes: int = 1) -> int | None:
    """Start it, wait until it has met the point and ended; its exit code."""
    service.start({"CRASH_POINT": point.value, "CRASH_PASS": str(passes)})

    async def has_ended() -> bool:
        return service.ended_by() is not None

    await eventually(has_ended, within=60, what=f"the end of {service.name}")
    return service.ended_by()


@asynccontextmanager
async def started(service: Service) -> AsyncIterator[None]:
    """It runs meanwhile, as usual."""
    service.start()
    try:
        yield
    finally:
        await service.stop()


async def tables(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select relname from pg_class where relname like 'e%'")
    finally:
        await connection.close()
    return {row["relname"] for row in rows}


async def test_a_migration_killed_half_way_leaves_nothing_and_the_next_start_does_it_all(
    breakable_postgres: RestartablePostgres, tmp_path: Path
) -> None:
    dsn = await breakable_postgres.server.create_database(f"migrated_{uuid4().hex}")
    environment = {"DATABASE_URL": dsn, "EXCHANGE": "unused", "AMQP_URL": "amqp://127.0.0.1:1/"}
    reader = Service("migrating", [READER], environment, tmp_path)

    # the migration is a process of its own; the service does not start without it
    assert await ended_at(reader, CrashPoint.MIGRATING) == 1
    assert "the migration failed: its process was killed" in reader.said()
    assert not {"events", "effects"} & await tables(dsn)

    async def is_migrated() -> bool:
        return {"events", "effects", "effects_by_note"} <= await tables(dsn)

    async with started(reader):
        await eventually(is_migrated, within=60, what="the migration")
        assert reader.ended_by() is None


async def view_version(system: System) -> str:
    async with system.notes.database.reader() as reader:
        version: str = await reader.connection.fetchval("select version from views")
    return version.partition(":")[0]


async def test_a_rebuild_killed_half_way_leaves_the_live_view_and_the_next_start_finishes_it(
    system: System, tmp_path: Path
) -> None:
    """Writers of the old version go on meanwhile: after the switch the view has their rows too."""
    await asyncio.gather(*(system.writer(n).note(3) for n in range(4)))
    port, environment = free_port(), system.apis[0].environment
    changed = {**environment, "NOTES_VERSION": "2", "PORT": str(port)}
    api = Service("changed", [NOTES, "api"], changed, tmp_path)
    enough = asyncio.Event()
    writing = [asyncio.ensure_future(system.writer(n).write_until(enough)) for n in range(2)]

    assert await ended_at(api, CrashPoint.REBUILDING, passes=7) == -signal.SIGKILL
    assert await view_version(system) == "1"

    async with started(api):
        await system.api_is_ready(f"http://127.0.0.1:{port}")
        assert await view_version(system) == "2"
        enough.set()
        await asyncio.gather(*writing)
        await quiet(system)
        findings = await inspect(system)
    assert findings.faultless, findings
