"""The same system twice: everything in one process, and every service and worker in its own."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.testing.postgres import temporary_postgres
from common.testing.processes import Process, free_port, process
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

SERVICES = ("auth", "cards", "billing")
MODULES = (*(f"{s}.{half}" for s in SERVICES for half in ("main", "worker")), "gateway.main")


@dataclass
class System:
    """A running system: where it answers and what it consists of."""

    url: str
    processes: dict[str, Process]
    mail: Path
    files: Path
    session: aiohttp.ClientSession
    dsns: dict[str, str] = field(default_factory=dict)
    amqp_url: str = ""

    async def ready(self) -> bool:
        """Whether the gateway and everything behind it is ready."""
        async with self.session.get("/health") as response:
            return response.status == 200 and (await response.json())["status"] == "ok"

    async def workers_have_begun(self) -> bool:
        """A processor begins with what happens after its first start, a queue with its consumer."""
        auth, cards = (self.processes[f"{name}.worker"].said() for name in ("auth", "cards"))
        return "processor greet_a_new_account" in auth and "consumer_connected" in cards


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL for the services that run apart."""
    with temporary_postgres() as server:
        yield server


@asynccontextmanager
async def embedded_run(tmp_path: Path, **more: str) -> AsyncIterator[System]:
    """One process with all of it."""
    port = free_port()
    environment = {"PORT": str(port), "VAR_DIR": str(tmp_path / "var"), **more}
    url = f"http://127.0.0.1:{port}"
    arguments = ["-m", "cartulary.main", "run"]
    with process(arguments, environment, tmp_path / "run.txt") as running:
        async with aiohttp.ClientSession(url) as session:
            system = System(
                url, {"all": running}, tmp_path / "var/mail", tmp_path / "var/files", session
            )
            await eventually(system.ready, within=180, what="the embedded run")
            yield system


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[System]:
    """`cartulary run` as a user starts it."""
    async with embedded_run(tmp_path) as system:
        yield system


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[System]:
    """The same with a billing whose clock can be moved."""
    async with embedded_run(tmp_path, SANDBOX="true") as system:
        yield system


@pytest.fixture
async def distributed(tmp_path: Path, postgres: EmbeddedPostgres) -> AsyncIterator[System]:
    """Seven processes, HTTP between them, RabbitMQ for their messages."""
    ports = {name: free_port() for name in ("auth", "cards", "billing", "gateway")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    name = f"e2e_{ports['gateway']}"
    dsns = {s: await postgres.create_database(f"{name}_{s}") for s in SERVICES}
    with ExitStack() as stack:
        shared = {
            "AMQP_URL": stack.enter_context(rabbitmq()),
            "PARTITIONS": "2",
            "PUBLIC_URL": urls["gateway"],
            "AUTH_URL": urls["auth"],
            "CARDS_URL": urls["cards"],
            "BILLING_URL": urls["billing"],
            "FEEDS": json.dumps({s: urls[s] for s in SERVICES}),
            "MAIL_FOLDER": str(tmp_path / "mail"),
            "STORAGE_FOLDER": str(tmp_path / "files"),
        }
        processes = {}
        for module in MODULES:
            service = module.partition(".")[0]
            environment = {**shared, "PORT": str(ports[service])}
            environment["DATABASE_URL"] = dsns.get(service, "")
            output = tmp_path / f"{module}.txt"
            processes[module] = stack.enter_context(process(["-m", module], environment, output))
        session = aiohttp.ClientSession(urls["gateway"])
        system = System(
            urls["gateway"],
            processes,
            tmp_path / "mail",
            tmp_path / "files",
            session,
            dsns,
            shared["AMQP_URL"],
        )
        await eventually(system.ready, within=60, what="the distributed system")
        await eventually(system.workers_have_begun, within=60, what="the workers")
        yield system
        await session.close()


@pytest.fixture(params=["embedded", "distributed"])
def system(request: pytest.FixtureRequest) -> System:
    """Each journey runs over both."""
    running: System = request.getfixturevalue(request.param)
    return running
