"""Billing on a real port and a real PostgreSQL, asked as the gateway asks it; no money moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from billing.declaration import DECLARATION
from billing.main import create_app
from billing.payment_provider import (
    CheckoutPage,
    NotAttempted,
    PageState,
    ProviderRefused,
    ProviderUnavailable,
    SavedMethod,
)
from billing.settings import BillingSettings
from billing.worker import create_worker
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.testing.callers import Caller, StartedService
from common.testing.http import served
from common.testing.kernel import kernel_on

PLAN = {
    "name": "Pro",
    "features": ["statistics"],
    "limits": {"cards.max": 10},
    "term": {"interval": "month"},
    "trial_days": 14,
    "prices": [
        {"price": {"amount": 1200, "currency": "EUR"}},
        {"price": {"amount": 1300, "currency": "USD"}, "tax": "exclusive"},
    ],
}
PLANS, CATEGORIES = "/api/v1/admin/tarif-plans", "/api/v1/admin/tarif-plan-categories"
SHOP = "/api/v1/tarif-plans"
METHODS = "/api/v1/user/payment-methods"


@dataclass
class PageProvider:
    """A provider of which only the pages that save a way to pay are asked."""

    name: str = "stripe"
    away: bool = False
    refuses: bool = False
    customers: dict[str, str] = field(default_factory=dict)
    pages: dict[str, PageState] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        if self.away:
            raise ProviderUnavailable
        return self.customers.setdefault(key, f"cus_{account_id.hex[-8:]}")

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        if self.refuses:
            raise ProviderRefused("nothing_to_save", "not here")
        reference = self.opened.setdefault(key, f"cs_{key}")
        self.pages.setdefault(
            reference, PageState(reference, "open", NotAttempted(None, "page_open"))
        )
        expires_at = SystemClock().now() + timedelta(hours=1)
        return CheckoutPage(reference, f"https://pay.example/{reference}", expires_at)

    async def page(self, reference: str) -> PageState:
        if self.away:
            raise ProviderUnavailable
        return self.pages[reference]

    def fill_in(self, page_id: str, last4: str = "4242") -> PageState:
        """What its owner does there."""
        reference = self.opened[f"method-page:{page_id}"]
        method = SavedMethod(f"pm_{page_id}", "cus_1", "visa", last4, "2034-12")
        state = PageState(reference, "complete", NotAttempted(None, "setup"), method)
        self.pages[reference] = state
        return state


@dataclass
class World(StartedService):
    """Everything that a test needs of the service."""

    provider: PageProvider

    def caller(self, *roles: str) -> "Person":
        """Somebody who is logged in."""
        return Person(self, uuid7(), roles)

    @property
    def admin(self) -> "Person":
        """An administrator."""
        return self.caller("admin")

    async def customer(self, **more: Any) -> "Person":
        """Somebody of whom auth has told us."""
        person = self.caller()
        email = f"{person.account.hex[-10:]}@example.org"
        told = {"email": email, "name": "Ada Lovelace", "locale": "fr", **more}
        await self.hear("auth.account_registered.v1", person.account, told)
        return person

    async def shows(self, query: str = "") -> list[str]:
        """The slugs of the plans that everybody is offered."""
        answer = await self.ask("GET", f"{SHOP}?per_page=100{query}")
        assert answer.status == 200, answer.body
        return [plan["slug"] for plan in answer.body["items"]]


class Person(Caller):
    """Who buys here, or sees to what is sold."""

    async def makes(self, path: str, **body: Any) -> dict[str, Any]:
        """A thing, as it is answered."""
        made = await self.ask("POST", path, body)
        assert made.status == 201, made.body
        return dict(made.body)

    async def plan(self, slug: str, **more: Any) -> dict[str, Any]:
        """A plan with these fields beside the usual ones."""
        return await self.makes(PLANS, **{**PLAN, "slug": slug, **more})

    async def category(self, slug: str, **more: Any) -> dict[str, Any]:
        """A category."""
        return await self.makes(CATEGORIES, name=slug.title(), slug=slug, **more)


@pytest.fixture(scope="module")
async def world(postgres: EmbeddedPostgres) -> AsyncIterator[World]:
    """The service on a fresh database."""
    settings = BillingSettings.load(public_url="https://cards.example", seller_country="FR")
    feeds = Feeds(settings.internal_secret.get_secret_value(), {})
    provider = PageProvider()
    async with kernel_on(postgres, DECLARATION) as kernel:
        providers: Any = {provider.name: provider}
        worker = create_worker(settings, kernel, InProcessBroker(), feeds, providers)
        async with served(create_app(settings, kernel, providers)) as client:
            yield World(client, kernel, worker, settings, provider)
