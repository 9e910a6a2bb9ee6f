"""Two services as they run in production, with replicas, and everything between them breakable."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
from yarl import URL

from common.database import OUTCOME_UNKNOWN
from common.kernel import Kernel, open_kernel_of
from common.settings import ServiceSettings
from common.testing.faults import notes_service, reader_service
from common.testing.faults.network import Wire, wire_to
from common.testing.faults.postgres_server import RestartablePostgres
from common.testing.faults.supervision import Service
from common.testing.faults.writers import Ledger, Writer
from common.testing.kernel import prepared_database
from common.testing.processes import free_port
from common.testing.rabbitmq import RabbitMQNode
from common.testing.waiting import eventually

NOTES = "common.testing.faults.notes_service"
READER = "common.testing.faults.reader_service"
PARTITIONS = 3
REPLICAS = 2


@dataclass
class System:
    """The notes' APIs and workers, the reader's workers, and how to strike them."""

    postgres: RestartablePostgres
    node: RabbitMQNode
    wire: Wire
    """Between every process and the broker."""
    notes: Kernel
    reader: Kernel
    """Ours: to look into both databases."""
    apis: Sequence[Service]
    relays: Sequence[Service]
    readers: Sequence[Service]
    urls: Sequence[str]
    session: aiohttp.ClientSession
    ledger: Ledger

    @property
    def services(self) -> list[Service]:
        """All processes."""
        return [*self.apis, *self.relays, *self.readers]

    def writer(self, seed: int = 0, urls: Sequence[str] | None = None) -> Writer:
        """A client of the APIs."""
        return Writer(self.session, urls or self.urls, self.ledger, seed)

    async def ready(self) -> None:
        """Wait until every API can serve, and the readers' queues are there to be written to."""
        await asyncio.gather(*(self.api_is_ready(url) for url in self.urls))

        async def is_bound() -> bool:
            return any("consumer_connected" in reader.said() for reader in self.readers)

        await eventually(is_bound, within=60, what="the readers' queues")

    async def api_is_ready(self, url: str) -> None:
        """Wait until this one can."""

        async def is_ready() -> bool:
            try:
                async with self.session.get(f"{url}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(is_ready, within=60, what=f"{url} is ready")

    async def leader(self, name: str = "relay") -> Service:
        """The worker of the notes that leads this follower now."""

        async def find() -> Service | None:
            owner = None
            with suppress(*OUTCOME_UNKNOWN, asyncpg.PostgresError):
                async with self.notes.database.reader() as reader:
                    owner = await reader.connection.fetchval(_LEADER, name)
            pid = int(owner.partition("/")[2]) if owner else 0
            return next((service for service in self.relays if service.pid == pid), None)

        found = await eventually(find, within=60, what=f"a leader of {name}")
        assert found is not None
        return found


@asynccontextmanager
async def running_system(
    postgres: RestartablePostgres, node: RabbitMQNode, folder: Path
) -> AsyncIterator[System]:
    """All of it, with fresh databases and queues, ready."""
    name = uuid4().hex[:12]
    ports = [free_port() for _ in range(REPLICAS)]
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(wire_to(("127.0.0.1", URL(node.url).port or 0)))
        # as a service's one address in production: whoever asks it is answered by some replica
        feed = await stack.enter_async_context(wire_to(*(("127.0.0.1", port) for port in ports)))
        notes_dsn = await prepared_database(postgres.server, notes_service.DECLARATION)
        reader_dsn = await prepared_database(postgres.server, reader_service.DECLARATION)
        amqp_url = str(URL(node.url).with_port(wire.port))
        shared = _environment(name, amqp_url, f"http://127.0.0.1:{feed.port}")
        notes = {**shared, "DATABASE_URL": notes_dsn}
        services = _services(ports, notes, {**shared, "DATABASE_URL": reader_dsn}, folder)
        for service in services:
            stack.push_async_callback(service.stop)
            service.start()
            service.keep_running()
        system = System(
            postgres,
            node,
            wire,
            await stack.enter_async_context(_kernel(notes_service.DECLARATION.source, notes_dsn)),
            await stack.enter_async_context(_kernel(shared["READER_NAME"], reader_dsn)),
            services[:REPLICAS],
            services[REPLICAS : 2 * REPLICAS],
            services[2 * REPLICAS :],
            [f"http://127.0.0.1:{port}" for port in ports],
            await stack.enter_async_context(aiohttp.ClientSession()),
            Ledger(),
        )
        await system.ready()
        yield system


def _environment(name: str, amqp_url: str, feed: str) -> dict[str, str]:
    return {
        "AMQP_URL": amqp_url,
        "EXCHANGE": f"faults.{name}",
        "READER_NAME": f"reader-{name}",
        "PARTITIONS": str(PARTITIONS),
        "POOL_SIZE": "5",
        "FEEDS": json.dumps({"example": feed}),
    }


def _services(
    ports: Sequence[int], notes: Mapping[str, str], reader: Mapping[str, str], folder: Path
) -> list[Service]:
    """The APIs, the relays and the readers, in this order."""
    apis = [
        Service(f"api-{n}", [NOTES, "api"], {**notes, "PORT": str(port)}, folder)
        for n, port in enumerate(ports)
    ]
    replicas = range(REPLICAS)
    relays = [Service(f"relay-{n}", [NOTES, "worker"], notes, folder) for n in replicas]
    readers = [Service(f"reader-{n}", [READER], reader, folder) for n in replicas]
    return [*apis, *relays, *readers]


@asynccontextmanager
async def _kernel(source: str, dsn: str) -> AsyncIterator[Kernel]:
    of_notes = source == notes_service.DECLARATION.source
    declaration = notes_service.DECLARATION if of_notes else reader_service.DECLARATION
    settings = ServiceSettings(database_url=dsn, pool_size=3)
    async with open_kernel_of(replace(declaration, source=source), settings) as kernel:
        yield kernel


_LEADER = "select owner from cursors where name = $1"
