"""The twin on a real port, asked by the real client: for its own tests and for billing's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import stripe
from common.testing.http import served

from stripe_twin.application import create_twin


@dataclass
class World:
    """One account."""

    url: str
    http: aiohttp.ClientSession
    stripe: stripe.StripeClient

    @property
    def v1(self) -> Any:
        """The calls of the API."""
        return self.stripe.v1

    async def set(self, action: str, **said: Any) -> Any:
        """What a test sets at the twin itself."""
        async with self.http.post(f"/_twin/{action}", json=said) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return body

    async def told(self, action: str) -> Any:
        """What the twin tells of itself."""
        async with self.http.get(f"/_twin/{action}") as answer:
            return await answer.json()

    async def customer(self, **more: Any) -> Any:
        """Somebody."""
        return await self.v1.customers.create_async({"email": "ann@example.org", **more})

    async def pays(self, method: str = "pm_card_visa", **more: Any) -> Any:
        """A payment that is tried at once."""
        given = {"amount": 1999, "currency": "eur", "payment_method": method, "confirm": True}
        return await self.v1.payment_intents.create_async({**given, **more})

    async def session(self, **more: Any) -> Any:
        """A page on which 19.99 EUR are paid."""
        price = {"currency": "eur", "unit_amount": 1999, "product_data": {"name": "Plus"}}
        given = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": f"{self.url}/?paid={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{self.url}/?cancelled",
        }
        return await self.v1.checkout.sessions.create_async({**given, **more})

    async def event_types(self) -> list[str]:
        """The types of all events, the oldest first."""
        page = await self.v1.events.list_async({"limit": 100})
        return [event.type for event in reversed(page.data)]


@asynccontextmanager
async def account(
    path: Path | None = None, webhooks: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[World]:
    """An account of its own."""
    async with served(create_twin(path, webhooks)) as http:
        url = str(http._base_url).rstrip("/")
        transport = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=20))
        client = stripe.StripeClient(
            "sk_test_twin",
            base_addresses={"api": url},
            http_client=transport,
            max_network_retries=0,
        )
        try:
            yield World(url, http, client)
        finally:
            await transport.close_async()  # type: ignore[no-untyped-call] # the SDK leaves it untyped
