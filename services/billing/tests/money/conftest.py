"""Billing with its worker, a sandbox clock and a provider in memory, asked over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from billing.declaration import DECLARATION
from billing.desk import Desk
from billing.main import create_app
from billing.settings import BillingSettings
from billing.settling import settle_named
from billing.transfers import TRANSFER, Transfers
from billing.worker import create_worker
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.observability import configure_logging
from common.testing.callers import Answer, Caller, StartedService
from common.testing.http import served
from common.testing.kernel import kernel_on
from common.testing.waiting import eventually

PATIENCE = 60


@dataclass
class World(StartedService):
    """Everything that a test needs of the service."""

    settings: BillingSettings
    provider: Any

    def caller(self, *roles: str) -> "Person":
        """Somebody who is logged in."""
        return Person(self, uuid7(), roles)

    @property
    def admin(self) -> "Person":
        """An administrator."""
        return self.caller("admin")

    async def customer(self) -> "Person":
        """Somebody of whom auth has told us."""
        person = self.caller()
        await self.hears_of(person)
        return person

    async def hears_of(self, person: "Person") -> None:
        """Auth tells that they have registered."""
        email = f"{person.account.hex[-10:]}@example.org"
        told = {"email": email, "name": "Ada Lovelace", "locale": "en"}
        await self.hear("auth.account_registered.v1", person.account, told)

    async def plan(self, price: int = 1200, **more: Any) -> str:
        """A plan's id."""
        body = {
            "name": f"Plan {uuid4().hex[:8]}",
            "term": {"interval": "month"},
            "prices": [{"price": {"amount": price, "currency": "EUR"}}],
            **more,
        }
        made = await self.admin.ask("POST", "/api/v1/admin/tarif-plans", body)
        assert made.status == 201, made.body
        id: str = made.body["id"]
        return id

    async def category(self, *plans: str) -> str:
        """An exclusive category of these plans."""
        admin, path = self.admin, "/api/v1/admin/tarif-plan-categories"
        name = f"Kind {uuid4().hex[:8]}"
        made = await admin.ask("POST", path, {"name": name, "is_single": True})
        assert made.status == 201, made.body
        id: str = made.body["id"]
        put = await admin.ask("POST", f"{path}/{id}/attach-plans", {"plan_ids": list(plans)})
        assert put.status == 200, put.body
        return id

    async def later(self, **how: Any) -> datetime:
        """Time goes by, and what is due happens; what time it is then."""
        done = await self.admin.ask("POST", "/api/v1/sandbox/clock/advance", how)
        assert done.status == 200, done.body
        return datetime.fromisoformat(done.body["now"])


@dataclass
class Person(Caller):
    """Who buys, pays and looks at what they have."""

    world: World

    async def orders(self, plan: str, key: str | None = None, **more: Any) -> Answer:
        """A checkout."""
        body = {"plan_id": plan, **more}
        key = key or uuid4().hex
        return await self.ask("POST", "/api/v1/user/checkout", body, Idempotency_Key=key)

    async def pays(self, url: str, card: str = "ok") -> None:
        """Fill in a page, of which the provider then tells."""
        world = self.world
        state = world.provider.fill_in(url, card)
        desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
        now = await world.later(seconds=1)
        await settle_named(desk, "stripe", state.reference, state.outcome, now)

    async def has(self, plan: str, card: str = "ok") -> str:
        """The id of an active subscription that was paid on a page, with this card saved."""
        ordered = await self.orders(plan)
        assert ordered.status == 201, ordered.body
        await self.pays(ordered.body["checkout_url"], card)
        id: str = ordered.body["subscription"]["id"]
        await self.is_in("active", id)
        return id

    async def saves(self, card: str = "ok") -> None:
        """A new way to pay, which is the default from now on."""
        path = "/api/v1/user/payment-methods"
        page = await self.ask("POST", f"{path}/setup", {}, Idempotency_Key=uuid4().hex)
        assert page.status == 201, page.body
        self.world.provider.fill_in(page.body["url"], card)
        done = await self.ask("POST", page.body["confirm_path"])
        assert done.status == 200, done.body
        listed = await self.ask("GET", path)
        newest = listed.body["items"][0]["id"]
        await self.ask("POST", f"{path}/{newest}/default")

    async def subscription(self, id: str) -> dict[str, Any]:
        """As it is now."""
        found = await self.ask("GET", f"/api/v1/user/subscriptions/{id}")
        assert found.status == 200, found.body
        body: dict[str, Any] = found.body
        return body

    async def is_in(self, status: str, id: str) -> dict[str, Any]:
        """The subscription once it is in this state."""

        async def reached() -> bool:
            return (await self.subscription(id))["status"] == status

        await eventually(reached, within=PATIENCE, what=f"the subscription is {status}")
        return await self.subscription(id)

    async def charged(self) -> int:
        """Minor units that moved for all of their invoices."""
        return sum(self.world.provider.captured(one["id"]) for one in await self.invoices())

    async def invoices(self, **filters: str) -> list[dict[str, Any]]:
        """Newest first."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        listed = await self.ask("GET", f"/api/v1/user/invoices?per_page=100&{query}")
        items: list[dict[str, Any]] = listed.body["items"]
        return items


@pytest.fixture(scope="module")
async def world(postgres: EmbeddedPostgres, provider_in_memory: Any) -> AsyncIterator[World]:
    """The service and its worker on a fresh database, in a sandbox."""
    configure_logging(level="warning")  # plain: a traceback with all variables takes a minute
    settings = BillingSettings.load(public_url="https://cards.example", sandbox=True)
    feeds = Feeds(settings.internal_secret.get_secret_value(), {})
    providers = {"stripe": provider_in_memory, TRANSFER: Transfers()}
    async with kernel_on(postgres, DECLARATION) as kernel:
        worker = create_worker(settings, kernel, InProcessBroker(), feeds, providers)
        running = asyncio.create_task(worker.run())
        async with served(create_app(settings, kernel, providers)) as client:
            yield World(client, kernel, worker, settings, provider_in_memory)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
