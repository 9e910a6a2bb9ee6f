"""The whole system as operated: a process for the gateway, each service and each worker."""

import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
from cards.allowances import allow
from common.database import Database
from common.embedded_postgres import EmbeddedPostgres
from common.testing.processes import Process, free_port, process
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

from bench.as_deployed import as_deployed

MODULES = (
    *("auth.main", "auth.worker", "cards.main", "cards.worker"),
    *("billing.main", "billing.worker", "gateway.main"),
)
PASSWORD = "a long enough secret"
UNLIMITED = 10**9
CARD = {
    "name": "Ann Onym",
    "title": "Bookbinder",
    "email": "ann@example.org",
    "phone": "+33 3 88 01 02 03",
    "company": "Atelier Verran",
    "website": "https://atelier-verran.example",
    "bio": "I bind by hand what is meant to last: ledgers, guest books, the deeds of two villages.",
}


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a card."""

    account_id: UUID
    email: str
    card_id: str


@dataclass(frozen=True)
class WholeSystem:
    """Where it answers, and its processes by their modules."""

    urls: Mapping[str, str]
    processes: Mapping[str, Process]
    session: aiohttp.ClientSession
    cards: Database

    async def ready(self) -> bool:
        """Whether the gateway and everything behind it is."""
        async with self.session.get("/health") as response:
            return response.status == 200 and (await response.json())["status"] == "ok"

    async def person(self) -> Person:
        """Register somebody new and make their card."""
        email = f"{uuid4().hex}@example.org"
        body = {"email": email, "password": PASSWORD, "name": "Ann"}
        async with self.session.post("/api/v1/auth/register", json=body) as response:
            response.raise_for_status()
            account_id = UUID((await response.json())["user"]["id"])
        async with self.cards.transaction() as transaction:
            await transaction.write([allow(account_id, UNLIMITED)])
        headers = await self.signed_in(email)
        async with self.session.post("/api/v1/cards/", json=CARD, headers=headers) as response:
            response.raise_for_status()
            card_id: str = (await response.json())["id"]
        return Person(account_id, email, card_id)

    async def people(self, number: int) -> list[Person]:
        """So many of them."""
        return [await self.person() for _ in range(number)]

    async def signed_in(self, email: str) -> dict[str, str]:
        """The header of a fresh access token; it is good for ten minutes."""
        body = {"email": email, "password": PASSWORD}
        async with self.session.post("/api/v1/auth/login", json=body) as response:
            response.raise_for_status()
            return {"Authorization": f"Bearer {(await response.json())['access_token']}"}


@asynccontextmanager
async def whole_system(postgres: EmbeddedPostgres) -> AsyncIterator[WholeSystem]:
    """Seven processes with their defaults, HTTP between them, RabbitMQ for their messages."""
    ports = {name: free_port() for name in ("auth", "cards", "billing", "gateway")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    name = uuid4().hex
    dsns = {
        s: await postgres.create_database(f"bench_{s}_{name}") for s in ("auth", "cards", "billing")
    }
    with rabbitmq() as amqp_url, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = {
            "AMQP_URL": amqp_url,
            "LOG_LEVEL": "warning",
            "RATE_LIMIT_SCALE": "0",  # all load comes from one address
            "PUBLIC_URL": urls["gateway"],
            "AUTH_URL": urls["auth"],
            "CARDS_URL": urls["cards"],
            "BILLING_URL": urls["billing"],
            "FEEDS": json.dumps({s: urls[s] for s in dsns}),
            "MAIL_FOLDER": str(folder / "mail"),
        }
        processes = {}
        for module in MODULES:
            service = module.partition(".")[0]
            own = {"PORT": str(ports[service]), "DATABASE_URL": dsns.get(service, "")}
            started = process(as_deployed(module), {**shared, **own}, folder / f"{module}.txt")
            processes[module] = stack.enter_context(started)
        async with aiohttp.ClientSession(urls["gateway"]) as session:
            database = await Database.connect(dsns["cards"], size=2)
            system = WholeSystem(urls, processes, session, database)
            await eventually(system.ready, within=60, what="the whole system")
            yield system
            await database.close()


@contextmanager
def plain_app(kind: str, **environment: str) -> Iterator[str]:
    """The address of a process of `bench.plain_apps`."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"PORT": str(port), **environment}
        with process(["-m", "bench.plain_apps", kind], settings, Path(folder) / "output.txt"):
            yield f"http://127.0.0.1:{port}"


async def answers(url: str) -> None:
    """Wait until something listens there."""

    async def asked() -> bool:
        async with aiohttp.ClientSession() as session, session.get(url):
            return True

    await eventually(asked, within=30, what=url)
