"""The same system twice: everything in one process, and every service and worker in its own."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
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

UNLIMITED = {"RATE_LIMIT_SCALE": "0"}
"""All tests come from one address."""
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
    metrics: dict[str, str] = field(default_factory=dict)

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
async def embedded_run(folder: Path, **more: str) -> AsyncIterator[System]:
    """One process with all of it."""
    port = free_port()
    environment = {"PORT": str(port), "VAR_DIR": str(folder / "var"), **UNLIMITED, **more}
    url = f"http://127.0.0.1:{port}"
    arguments = ["-m", "cartulary.main", "run"]
    with process(arguments, environment, folder / "run.txt") as running:
        async with aiohttp.ClientSession(url) as session:
            system = System(
                url, {"all": running}, folder / "var/mail", folder / "var/files", session
            )
            await eventually(system.ready, within=180, what="the embedded run")
            yield system


@pytest.fixture(scope="module")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """`cartulary run` as a user starts it; the tests of a file share it."""
    async with embedded_run(tmp_path_factory.mktemp("embedded")) as system:
        yield system


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """The same with a billing whose clock can be moved."""
    async with embedded_run(tmp_path_factory.mktemp("sandbox"), SANDBOX="true") as system:
        yield system


@pytest.fixture(scope="module")
def more_environment() -> dict[str, str]:
    """Further settings of all processes; a file of tests may have its own."""
    return {}


def _shared_environment(urls: dict[str, str], folder: Path) -> dict[str, str]:
    """What all of the processes are told."""
    return {
        "PARTITIONS": "2",
        **UNLIMITED,
        "PUBLIC_URL": urls["gateway"],
        **{f"{service.upper()}_URL": urls[service] for service in SERVICES},
        "FEEDS": json.dumps({s: urls[s] for s in SERVICES}),
        "MAIL_FOLDER": str(folder / "mail"),
        "STORAGE_FOLDER": str(folder / "files"),
    }


@pytest.fixture(scope="module")
async def distributed(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: EmbeddedPostgres,
    more_environment: dict[str, str],
) -> AsyncIterator[System]:
    """Seven processes, HTTP between them, RabbitMQ for their messages; the tests of a file share
    them."""
    folder = tmp_path_factory.mktemp("distributed")
    ports = {name: free_port() for name in (*SERVICES, "gateway")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    name = f"e2e_{ports['gateway']}"
    dsns = {s: await postgres.create_database(f"{name}_{s}") for s in SERVICES}
    with ExitStack() as stack:
        shared = {
            "AMQP_URL": stack.enter_context(rabbitmq()),
            **_shared_environment(urls, folder),
            **more_environment,
        }
        processes, metrics = {}, {}
        for module in MODULES:
            environment = _environment_of(module, ports, dsns)
            job = module.removesuffix(".main").replace(".", "-")
            # an API has its metrics among its routes
            operations = environment["OPERATIONS_PORT"]
            metrics[job] = f"127.0.0.1:{ports[job] if job in dsns else operations}"
            started = process(["-m", module], shared | environment, folder / f"{module}.txt")
            processes[module] = stack.enter_context(started)
        session = aiohttp.ClientSession(urls["gateway"])
        places = (folder / "mail", folder / "files", session, dsns, shared["AMQP_URL"], metrics)
        system = System(urls["gateway"], processes, *places)
        await eventually(system.ready, within=180, what="the distributed system")
        await eventually(system.workers_have_begun, within=180, what="the workers")
        yield system
        await session.close()


def _environment_of(
    module: str, ports: Mapping[str, int], dsns: Mapping[str, str]
) -> dict[str, str]:
    service = module.partition(".")[0]
    return {
        "PORT": str(ports[service]),
        "DATABASE_URL": dsns.get(service, ""),
        "OPERATIONS_PORT": str(free_port()),
    }


@pytest.fixture(params=["embedded", "distributed"])
def system(request: pytest.FixtureRequest) -> System:
    """Each journey runs over both."""
    running: System = request.getfixturevalue(request.param)
    return running
