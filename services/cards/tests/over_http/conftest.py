"""The service on a real port and a real PostgreSQL, asked as the gateway asks it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from cards.declaration import DECLARATION
from cards.main import create_app
from cards.settings import CardsSettings
from cards.worker import create_worker
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.messages import Envelope
from common.testing.http import served, signed_in
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres
from common.worker import Worker

CARD = {"name": "Ada Lovelace", "title": "Analyst", "email": "ada@example.org"}


@dataclass
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class World:
    """The service, and who is asking."""

    client: aiohttp.ClientSession
    kernel: Kernel
    worker: Worker
    settings: CardsSettings

    def caller(self, *roles: str, account: UUID | None = None) -> "Person":
        """Somebody who is logged in."""
        return Person(self, account or uuid7(), roles)

    async def entitled(self, *roles: str, cards: int) -> "Person":
        """Somebody who may have so many cards."""
        person = self.caller(*roles)
        await self.hear(
            "billing.entitlements_changed.v1",
            person.account,
            {"limits": {"cards.max": cards, "tokens": 5}, "features": []},
        )
        return person

    async def hear(
        self, type: str, account: UUID, data: dict[str, Any] | None = None, version: int = 1
    ) -> None:
        """A message of another service arrives."""
        source = type.partition(".")[0]
        envelope = Envelope(
            id=uuid4(),
            source=source,
            type=type,
            stream=f"{source}-{account}",
            version=version,
            prev=version - 1,
            time=SystemClock().now(),
            data={"account_id": str(account), **(data or {})},
        )
        await self.worker.inbox.handle([envelope.to_bytes()])

    async def ask(self, method: str, path: str, **how: Any) -> Answer:
        """One request by nobody."""
        async with self.client.request(method, path, **how) as response:
            text = "json" in response.headers.get("Content-Type", "")
            body = await (response.json(content_type=None) if text else response.read())
            return Answer(
                response.status, body, {k.lower(): v for k, v in response.headers.items()}
            )


@dataclass
class Person:
    """A caller with a token, as the gateway names him."""

    world: World
    account: UUID
    roles: tuple[str, ...]

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; header names have underscores."""
        identity = signed_in(
            self.world.settings, SystemClock().now(), account_id=self.account, roles=self.roles
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        how = {"json": body} if body is not None else {}
        return await self.world.ask(method, path, headers={**identity, **sent}, **how)

    async def creates(self, **more: Any) -> Answer:
        """A card with these fields beside the required ones."""
        return await self.ask("POST", "/api/v1/cards/", {**CARD, **more})

    async def has(self, **more: Any) -> str:
        """The path of such a card of theirs."""
        made = await self.creates(**more)
        assert made.status == 201, made.body
        return f"/api/v1/cards/{made.body['id']}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def world(postgres: EmbeddedPostgres) -> AsyncIterator[World]:
    """The service on a fresh database."""
    settings = CardsSettings.load(public_url="https://cards.example")
    feeds = Feeds(settings.internal_secret.get_secret_value(), {})
    async with kernel_on(postgres, DECLARATION) as kernel:
        worker = create_worker(kernel, InProcessBroker(), feeds)
        async with served(create_app(settings, kernel)) as client:
            yield World(client, kernel, worker, settings)
