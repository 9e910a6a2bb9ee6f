"""Billing and its worker beside a twin of Stripe that tells them what happens; all over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from billing.declaration import DECLARATION
from billing.main import create_app
from billing.providers import close_providers, providers_for
from billing.settings import BillingSettings
from billing.worker import create_worker
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.messages import Envelope
from common.testing.http import served, signed_in
from common.testing.kernel import kernel_on
from common.testing.waiting import eventually
from common.worker import Worker
from stripe_twin.testing.world import World as Twin
from stripe_twin.testing.world import account

SECRET = "whsec_tests_of_core_beside_the_twin"
PATIENCE = 90


@dataclass
class House:
    """Billing, its worker and the twin; and somebody who asks."""

    client: aiohttp.ClientSession
    kernel: Kernel
    worker: Worker
    settings: BillingSettings
    twin: Twin

    async def hears(self, type_name: str, id: UUID, version: int, **data: Any) -> None:
        """Auth tells something of an account."""
        envelope = Envelope(
            id=uuid4(),
            source="auth",
            type=type_name,
            stream=f"account-{id}",
            version=version,
            prev=version - 1,
            time=SystemClock().now(),
            data={"account_id": str(id), **data},
        )
        await self.worker.inbox.handle([envelope.to_bytes()])

    async def ask(
        self, method: str, path: str, body: Any = None, *, who: UUID | None = None
    ) -> Any:
        """The answer to a customer, or to an administrator, which must be a good one."""
        roles = () if who else ("admin",)
        now = SystemClock().now()
        sent = signed_in(self.settings, now, account_id=who or uuid7(), roles=roles)
        headers = {**sent, "Idempotency-Key": uuid4().hex}
        how = {} if body is None else {"json": body}
        async with self.client.request(method, path, headers=headers, **how) as response:
            told = await response.json() if response.status != 204 else None
            assert response.status < 300, told
            return told

    async def becomes(self, path: str, **fields: str) -> dict[str, Any]:
        """What an administrator sees there once it has these values."""
        found: dict[str, Any] = {}

        async def so() -> bool:
            found.update(await self.ask("GET", path))
            return all(found[name] == value for name, value in fields.items())

        await eventually(so, within=PATIENCE, what=f"{path} has {fields}")
        return found

    async def customer(self) -> UUID:
        """Somebody of whom auth has told."""
        id = uuid7()
        told = {"email": f"{id.hex[-10:]}@example.org", "name": "Ada Lovelace", "locale": "en"}
        await self.hears("auth.account_registered.v1", id, 1, **told)
        return id

    async def bought(self, who: UUID, card: str) -> tuple[str, str]:
        """An active subscription and its invoice, paid on a page with this card."""
        plan = {
            "name": f"Plan {uuid4().hex[:8]}",
            "term": {"interval": "month"},
            "prices": [{"price": {"amount": 1200, "currency": "EUR"}}],
        }
        made = await self.ask("POST", "/api/v1/admin/tarif-plans", plan)
        ordered = await self.ask("POST", "/api/v1/user/checkout", {"plan_id": made["id"]}, who=who)
        session = ordered["checkout_url"].rpartition("/")[2]
        await self.twin.set("pay", session=session, number=card)
        id, invoice = ordered["subscription"]["id"], ordered["invoice"]["id"]
        await self.becomes(f"/api/v1/admin/subscriptions/{id}", status="active")
        return id, invoice


@pytest.fixture(scope="module")
async def house(postgres: EmbeddedPostgres) -> AsyncIterator[House]:
    """All of it, for a whole module."""
    async with account() as twin, kernel_on(postgres, DECLARATION) as kernel:
        settings = BillingSettings.load(
            public_url="https://cards.example",
            stripe_secret_key="sk_test_billing",
            stripe_publishable_key="pk_test_billing",
            stripe_webhook_secrets=SECRET,
            stripe_api_base=twin.url,
        )
        feeds = Feeds(settings.internal_secret.get_secret_value(), {})
        providers = providers_for(settings)
        worker = create_worker(settings, kernel, InProcessBroker(), feeds, providers)
        running = asyncio.create_task(worker.run())
        async with served(create_app(settings, kernel, providers)) as client:
            url = str(client._base_url).rstrip("/") + "/api/v1/stripe/webhook"
            await twin.set("webhook_endpoints", url=url, secret=SECRET)
            yield House(client, kernel, worker, settings, twin)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await close_providers(providers)
