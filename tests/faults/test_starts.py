"""Starts that cannot succeed, or not yet: each says why, and nothing that runs suffers from it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from cards.declaration import DECLARATION
from common.embedded_postgres import EmbeddedPostgres
from common.migrations import prepare_database
from common.testing.faults.network import Wire
from common.testing.postgres import temporary_postgres
from common.testing.processes import Process, forked, free_port, process
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

MODULES = [f"{s}.{p}" for s in ("auth", "cards") for p in ("main", "worker", "prepare")]
NOWHERE = "amqp://127.0.0.1:1/"
BROKEN = '''"""Makes a table, and then cannot go on."""
from alembic import op

revision = "9999"
down_revision = "{previous}"


def upgrade() -> None:
    op.execute("create table half_way ()")
    op.execute("select 1 / 0")
'''
NEW_VERSION = """
from dataclasses import replace
from importlib import import_module
from pathlib import Path
import cards.declaration
as_it_is = cards.declaration.DECLARATION
cards.declaration.DECLARATION = replace(as_it_is, migrations=Path({folder!r}))
import_module({module!r}).main()
"""
MODULES_OF_CARDS = ("cards.prepare", "cards.main", "cards.worker")


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


async def ends(started: Process) -> int:
    """Its exit code."""
    return await asyncio.to_thread(started.child.wait, 90)


async def ended_together(
    environment: dict[str, str], folder: Path, modules: Sequence[str] = MODULES
) -> dict[str, Process]:
    """These processes, started at once, after each has ended by itself in failure."""
    with ExitStack() as stack:
        started = {
            module: stack.enter_context(forked([module], environment, folder / module))
            for module in modules
        }
        codes = {module: await ends(one) for module, one in started.items()}
        assert 0 not in codes.values(), codes
    return started


async def test_in_production_no_process_starts_with_missing_or_default_secrets(
    tmp_path: Path,
) -> None:
    environment = {"ENVIRONMENT": "production", "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/"}
    for module, ended in (await ended_together(environment, tmp_path)).items():
        said = ended.said()
        assert said.count("\n") == 1, module
        assert said.startswith("cannot start: ")
        for name in ("DATA_KEY", "WIRE_KEY", "INTERNAL_SECRET", "DATABASE_URL", "AMQP_URL"):
            assert name in said, module
        assert "guest" not in said


async def test_a_database_that_refuses_the_user_ends_the_start_and_shows_no_password(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    name = f"known_{uuid4().hex}"
    async with refusing(await postgres.create_database(name)) as dsn:
        environment = {"DATABASE_URL": dsn, "AMQP_URL": NOWHERE}
        for module, ended in (await ended_together(environment, tmp_path)).items():
            [line] = without_the_broker(ended)
            assert line.startswith("cannot start: DATABASE_URL: PostgreSQL refuses it"), module
            for word in ("InvalidPasswordError", name, postgres.socket_folder, "'guarded'"):
                assert word in line, module
            assert "not-the-password" not in ended.said(), module


async def test_a_database_that_is_not_there_is_named_with_what_to_do(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": postgres.dsn("nowhere")}
    [ended] = (await ended_together(environment, tmp_path, ["cards.main"])).values()
    [line] = ended.said().splitlines()
    assert "'nowhere' at" in line
    assert "create this database" in line


async def test_a_broker_that_refuses_the_user_ends_the_start_and_shows_no_password(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with rabbitmq() as address:
        host = urlsplit(address).netloc.rpartition("@")[2]
        environment = {
            "DATABASE_URL": postgres.dsn("postgres"),
            "AMQP_URL": f"amqp://guest:not-the-password@{host}/",
        }
        modules = ("cards.worker", "gateway.main")
        for module, ended in (await ended_together(environment, tmp_path, modules)).items():
            [line] = ended.said().splitlines()
            assert line.startswith("cannot start: AMQP_URL: RabbitMQ refuses it"), module
            assert f"{host} as user 'guest'" in line, module
            assert "not-the-password" not in line, module


async def test_a_start_that_waits_for_its_database_says_so_and_can_be_stopped(
    tmp_path: Path,
) -> None:
    nowhere = "postgresql://ann:not-the-password@no.such.host.invalid/cards"
    with forked(["cards.main"], {"DATABASE_URL": nowhere}, tmp_path / "log") as waiting:

        async def says_so() -> bool:
            return waiting.said().count("database_is_away") > 1

        await eventually(says_so, within=90, what="lines that say so")
        assert "'cards' at no.such.host.invalid as user 'ann'" in waiting.said()
        assert "the name of its host is not known" in waiting.said()
        assert await asyncio.to_thread(waiting.stop) == 0
        assert "Traceback" not in waiting.said()
        assert "not-the-password" not in waiting.said()


def without_the_broker(ended: Process) -> list[str]:
    """What it said, but for the broker that is away: a worker looks for it first."""
    lines = ended.said().splitlines()
    return [line for line in lines if "AMQP" not in line and "broker_is_away" not in line]


@asynccontextmanager
async def refusing(dsn: str) -> AsyncIterator[str]:
    """An address with a wrong password for a user who needs one."""
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute("create role guarded login password 'the-password'")
        rules = await owner.fetchval("show hba_file")
        before = await asyncio.to_thread(Path(rules).read_text)
        await asyncio.to_thread(
            Path(rules).write_text, "local all guarded scram-sha-256\n" + before
        )
        await owner.execute("select pg_reload_conf()")
        yield with_user(dsn, "guarded", "not-the-password")
        await asyncio.to_thread(Path(rules).write_text, before)
        await owner.execute("select pg_reload_conf()")
    finally:
        await owner.close()


def with_user(dsn: str, user: str, password: str) -> str:
    """The same database for somebody else."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{host}").geturl()


async def missing(session: aiohttp.ClientSession, url: str) -> list[str]:
    """The parts that a process waits for."""
    async with session.get(url) as response:
        parts: list[str] = (await response.json())["missing"]
        assert response.status == (503 if parts else 200)
        return parts


async def test_without_a_broker_a_worker_waits_and_says_so_and_goes_on_when_it_comes(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    port, operations = free_port(), free_port()
    environment = {
        "DATABASE_URL": await postgres.create_database(f"waiting_{uuid4().hex}"),
        "AMQP_URL": f"amqp://guest:guest@127.0.0.1:{port}/",
        "OPERATIONS_PORT": str(operations),
        "PARTITIONS": "1",
    }
    url = f"http://127.0.0.1:{operations}"
    with forked(["cards.worker"], environment, tmp_path / "log") as worker:
        async with aiohttp.ClientSession() as session:

            async def waits() -> bool:
                return await missing(session, f"{url}/readyz") == ["messages"]

            async def is_ready() -> bool:
                return await missing(session, f"{url}/readyz") == []

            await eventually(waits, within=90, what="a worker that waits for its broker")
            await eventually(lambda: says(worker), within=60, what="two lines that say so")
            with rabbitmq() as address:
                there = urlsplit(address)
                wire = Wire([(there.hostname or "", there.port or 5672)])
                server = await asyncio.start_server(wire.talk, "127.0.0.1", port)
                await eventually(is_ready, within=90, what="a worker with its broker")
                assert "Traceback" not in worker.said()
                server.close()
                await wire.close()
            async with session.get(f"{url}/metrics") as response:
                assert "cartulary_task_restarts_total{" not in await response.text()


async def says(worker: Process) -> bool:
    """Whether it has told, for its messages out and in, that the broker is away."""
    said = worker.said()
    return "broker_unavailable" in said and "consumer_reconnects" in said


async def test_while_a_new_versions_migration_fails_the_old_version_goes_on(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    folder = shutil.copytree(DECLARATION.migrations, tmp_path / "migrations")
    newest = max(file.name.partition("_")[0] for file in (folder / "versions").glob("*.py"))
    (folder / "versions/9999_broken.py").write_text(BROKEN.format(previous=newest))
    port = free_port()
    environment = {
        "DATABASE_URL": await postgres.create_database(f"kept_{uuid4().hex}"),
        "AMQP_URL": NOWHERE,
        "PORT": str(port),
    }
    ready = f"http://127.0.0.1:{port}/readyz"
    with forked(["cards.main"], environment, tmp_path / "old") as old:
        async with aiohttp.ClientSession() as session:
            await eventually(lambda: nothing_missing(session, ready), within=90, what="the old one")
            for module in MODULES_OF_CARDS:
                script = NEW_VERSION.format(folder=str(folder), module=module)
                with process(["-c", script], environment, tmp_path / module) as new:
                    assert await ends(new) == 1, module
                assert without_the_broker(new) == [
                    "cannot start: cards: the migration failed: 9999_broken.py, line 10: "
                    "DivisionByZeroError: division by zero"
                ]
            assert await missing(session, ready) == []
            qr = f"http://127.0.0.1:{port}/api/v1/qr/generate"
            async with session.post(qr, json={"text": "still here"}) as response:
                assert response.status == 200
        assert old.stop() == 0
    connection = await asyncpg.connect(environment["DATABASE_URL"])
    assert await connection.fetchval("select to_regclass('half_way')") is None
    assert await connection.fetchval("select version_num from alembic_version") == newest
    await connection.close()


async def test_a_database_that_readers_of_the_log_cannot_rely_on_ends_the_start(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    dsn = await postgres.create_database(f"unfit_{uuid4().hex}")
    await prepare_database(dsn, DECLARATION.migrations)
    owner = await asyncpg.connect(dsn)
    await owner.execute("alter table events disable trigger events_floor")
    await owner.close()

    environment = {"DATABASE_URL": dsn, "AMQP_URL": NOWHERE}
    ended = await ended_together(environment, tmp_path, MODULES_OF_CARDS)
    for module, one in ended.items():
        assert without_the_broker(one) == [
            "cannot start: cards: the trigger events_floor is missing or disabled"
        ], module


async def nothing_missing(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether it is ready."""
    return not await missing(session, url)
