"""Cards' API over real HTTP on a real PostgreSQL, as the world meets it."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from cards.declaration import DECLARATION
from cards.main import create_app
from cards.settings import CardsSettings
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.ids import uuid7
from common.testing.http import served, signed_in
from common.testing.kernel import prepared_database
from common.testing.postgres import temporary_postgres

ADA = {"name": "Ada Lovelace", "title": "Analyst", "email": "ada@example.org"}
BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"


@dataclass(frozen=True)
class Seen:
    """What a visitor got."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass
class Site:
    """The running API and what a test asks of it."""

    client: aiohttp.ClientSession
    settings: CardsSettings
    database_url: str

    def as_(self, account_id: UUID) -> dict[str, str]:
        """The header of somebody whom the gateway knows."""
        return signed_in(self.settings, SystemClock().now(), account_id=account_id)

    async def card(self, owner: UUID | None = None, **fields: Any) -> dict[str, Any]:
        """A new card; each owner may have one."""
        body = {**ADA, **fields}
        headers = self.as_(owner or uuid7())
        async with self.client.post("/api/v1/cards/", json=body, headers=headers) as response:
            assert response.status == 201, await response.text()
            card: dict[str, Any] = await response.json()
            return card

    async def visit(
        self, path: str, address: str = "192.0.2.1", agent: str = BROWSER, **headers: str
    ) -> Seen:
        """A visitor's GET, as the gateway hands it on."""
        sent = {"X-Forwarded-For": address, "User-Agent": agent, **headers}
        async with self.client.get(path, headers=sent, allow_redirects=False) as response:
            body = await response.read()
            return Seen(response.status, response.headers, response.content_type, body)

    async def stats(self, card: str, owner: UUID, **query: Any) -> Any:
        """What the owner reads."""
        path = f"/api/v1/cards/{card}/stats"
        async with self.client.get(path, params=query, headers=self.as_(owner)) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def site(postgres: EmbeddedPostgres) -> AsyncIterator[Site]:
    """The API on a fresh database; a file's tests share it, each with cards of its own."""
    dsn = await prepared_database(postgres, DECLARATION)
    settings = CardsSettings.load(
        database_url=dsn, public_url="https://cards.example", demo_card="the-demo"
    )
    async with served(create_app(settings)) as client:
        yield Site(client, settings, dsn)
