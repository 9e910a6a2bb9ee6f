"""The same system twice: everything in one process, and every service and worker in its own."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import auth.declaration
import billing.declaration
import cards.declaration
from common.embedded_postgres import EmbeddedPostgres
from common.testing.kernel import prepared_database
from common.testing.processes import Process, forked, free_port
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

RUN, EMBEDDED = ["cartulary.main", "run"], ["cartulary.embedded"]
"""Everything in one process, and what that imports once it knows what is wanted."""
UNLIMITED = {"RATE_LIMIT_SCALE": "0"}
"""All tests come from one address."""
SERVICES = {
    "auth": auth.declaration.DECLARATION,
    "cards": cards.declaration.DECLARATION,
    "billing": billing.declaration.DECLARATION,
}
MODULES = (*(f"{s}.{half}" for s in SERVICES for half in ("main", "worker")), "gateway.main")
BEGUN = {
    "auth": ("processor greet_a_new_account",),
    "cards": ("consumer_connected",),
    "billing": (
        "consumer_connected",
        "processor tell_what_an_account_may_do",
        "processor use_a_new_payment_method_at_once",
        "processor write_to_customers_about_their_money",
    ),
}
"""What the workers say once they hear all that happens from then on."""


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
    launcher: "Launcher | None" = None

    async def ready(self) -> bool:
        """Whether the gateway and everything behind it is ready."""
        async with self.session.get("/health") as response:
            return response.status == 200 and (await response.json())["status"] == "ok"

    async def workers_have_begun(self) -> bool:
        """A processor begins with what happens after its first start, a queue with its consumer."""
        return all(
            words in self.processes[f"{service}.worker"].said()
            for service, said in BEGUN.items()
            for words in said
        )

    def kill(self, *modules: str) -> None:
        """SIGKILL: they get no chance to tidy up."""
        for module in modules:
            self.processes[module].kill()

    def start(self, *modules: str, **more: str) -> None:
        """Start processes again, with further settings."""
        assert self.launcher is not None
        for module in modules:
            self.processes[module] = self.launcher.start(module, more)


@dataclass
class Launcher:
    """Starts modules as processes, and ends them all with its stack."""

    folder: Path
    stack: ExitStack
    environments: Mapping[str, Mapping[str, str]]

    def start(self, module: str, more: Mapping[str, str]) -> Process:
        """One process, which goes on in the output of the one before it."""
        environment = {**self.environments[module], **more}
        started = forked([module], environment, self.folder / f"{module}.txt")
        return self.stack.enter_context(started)


@asynccontextmanager
async def embedded_run(folder: Path, **more: str) -> AsyncIterator[System]:
    """One process with all of it."""
    port = free_port()
    environment = {"PORT": str(port), "VAR_DIR": str(folder / "var"), **UNLIMITED, **more}
    url = f"http://127.0.0.1:{port}"
    output = folder / "run.txt"
    with forked(RUN, environment, output, later=EMBEDDED) as running:
        async with aiohttp.ClientSession(url) as session:
            system = System(
                url, {"all": running}, folder / "var/mail", folder / "var/files", session
            )
            await eventually(system.ready, within=180, what="the embedded run")
            yield system


@asynccontextmanager
async def distributed_run(
    folder: Path, postgres: EmbeddedPostgres, **more: str
) -> AsyncIterator[System]:
    """Seven processes, HTTP between them, RabbitMQ for their messages."""
    ports = {name: free_port() for name in (*SERVICES, "gateway")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    dsns = {s: await prepared_database(postgres, d) for s, d in SERVICES.items()}
    with ExitStack() as stack:
        amqp_url = stack.enter_context(rabbitmq())
        shared = {"AMQP_URL": amqp_url, **_shared_environment(urls, folder), **more}
        own = {module: _own_environment(module, ports, dsns) for module in MODULES}
        launcher = Launcher(folder, stack, {module: shared | own[module] for module in MODULES})
        metrics = {}
        for module in MODULES:
            job = module.removesuffix(".main").replace(".", "-")
            # an API has its metrics among its routes
            operations = own[module]["OPERATIONS_PORT"]
            metrics[job] = f"127.0.0.1:{ports[job] if job in dsns else operations}"
        processes = {module: launcher.start(module, {}) for module in MODULES}
        session = aiohttp.ClientSession(urls["gateway"])
        places = (folder / "mail", folder / "files", session, dsns, amqp_url, metrics, launcher)
        system = System(urls["gateway"], processes, *places)
        await eventually(system.ready, within=180, what="the distributed system")
        await eventually(system.workers_have_begun, within=180, what="the workers")
        yield system
        await session.close()


def _shared_environment(urls: Mapping[str, str], folder: Path) -> dict[str, str]:
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


def _own_environment(
    module: str, ports: Mapping[str, int], dsns: Mapping[str, str]
) -> dict[str, str]:
    service = module.partition(".")[0]
    return {
        "PORT": str(ports[service]),
        "DATABASE_URL": dsns.get(service, ""),
        "OPERATIONS_PORT": str(free_port()),
    }
