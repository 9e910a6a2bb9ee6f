"""The service on a real port and a real PostgreSQL, asked as the gateway asks it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest
from cards.declaration import DECLARATION
from cards.main import create_app
from cards.settings import CardsSettings
from cards.worker import create_worker
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.testing.callers import Answer, Caller, StartedService
from common.testing.http import served
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres

CARD = {"name": "Ada Lovelace", "title": "Analyst", "email": "ada@example.org"}


class World(StartedService):
    """The service, and who is asking."""

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


class Person(Caller):
    """Who has cards, or looks after them."""

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
