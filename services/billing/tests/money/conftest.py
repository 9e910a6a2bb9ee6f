"""Billing with its worker, a sandbox clock and a provider in memory, asked over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from billing.declaration import DECLARATION
from billing.desk import Desk
from billing.main import create_app
from billing.payment_provider import (
    CheckoutPage,
    Declined,
    NotAttempted,
    Notified,
    Outcome,
    PageOrder,
    PageState,
    Pending,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
    SavedMethod,
    Succeeded,
    Unknown,
)
from billing.settings import BillingSettings
from billing.settling import settle_named
from billing.transfers import TRANSFER, Transfers
from billing.worker import create_worker
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.kernel import Kernel
from common.messages import Envelope
from common.money import Money
from common.observability import configure_logging
from common.testing.http import served, signed_in
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres
from common.testing.waiting import eventually
from common.worker import Worker

PATIENCE = 60


@dataclass
class MemoryProvider:
    """Moves money in memory: by card, with every outcome, and with the effect before a silence."""

    name: str = "stripe"
    cards: dict[str, str] = field(default_factory=dict)
    pages: dict[str, PageState] = field(default_factory=dict)
    orders: dict[str, PageOrder] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    charges: dict[str, Outcome] = field(default_factory=dict)
    refunds: dict[str, RefundState] = field(default_factory=dict)
    silent_after: set[str] = field(default_factory=set)

    async def customer(self, account_id: UUID, email: str, name: str | None, *, key: str) -> str:
        return f"cus_{account_id.hex}"

    async def checkout_page(self, order: PageOrder, *, key: str) -> CheckoutPage:
        reference = self.by_key.setdefault(key, f"cs_{order.payment_id.hex}")
        self.orders.setdefault(reference, order)
        self.pages.setdefault(reference, PageState(reference, "open", Pending(reference)))
        return CheckoutPage(reference, f"https://pay.example/{reference}", order.expires_at)

    async def method_page(
        self, account_id: UUID, customer: str, *, success_url: str, cancel_url: str, key: str
    ) -> CheckoutPage:
        reference = self.by_key.setdefault(key, f"cs_{key}")
        self.pages.setdefault(reference, PageState(reference, "open", NotAttempted(None, "open")))
        expires_at = datetime.max.replace(year=2999, tzinfo=SystemClock().now().tzinfo)
        return CheckoutPage(reference, f"https://pay.example/{reference}", expires_at)

    async def page(self, reference: str) -> PageState:
        return self.pages[reference]

    async def expire_page(self, reference: str, *, key: str) -> PageState:
        page = self.pages[reference]
        if page.status == "open":
            self.pages[reference] = replace(page, status="expired")
        return self.pages[reference]

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        if key not in self.charges:
            self.charges[key] = self._outcome(f"pi_{payment_id.hex}", method.reference, amount)
        if method.reference in self.silent_after:
            self.silent_after.discard(method.reference)
            raise ProviderUnavailable
        return self.charges[key]

    def _outcome(self, reference: str, method: str, amount: Money) -> Outcome:
        match self.cards.get(method, "ok"):
            case "declined":
                return Declined(reference, "insufficient_funds", False)
            case "stolen":
                return Declined(reference, "stolen_card", True)
            case "authenticate":
                return Pending(reference, f"https://bank.example/{reference}")
            case "unknown":
                return Unknown(None)
            case "cent_less":
                return Succeeded(reference, amount - Money(1, amount.currency))
            case _:
                return Succeeded(reference, amount)

    async def fetch(self, reference: str) -> Outcome:
        return next(o for o in self.charges.values() if o.reference == reference)

    async def refund(self, reference: str, amount: Money, *, reason: str, key: str) -> RefundState:
        id = self.by_key.setdefault(key, f"re_{len(self.refunds)}")
        self.refunds.setdefault(id, RefundState(id, reference, amount, "succeeded"))
        return self.refunds[id]

    async def refund_state(self, reference: str) -> RefundState:
        return self.refunds[reference]

    async def payments_since(self, since: datetime) -> Sequence[tuple[str, Outcome]]:
        return ()

    async def parse_notification(self, body: bytes, signature: str | None) -> Notified:
        raise ProviderRefused("no_notifications", "it tells nobody")

    def captured(self, invoice_id: str) -> int:
        """Minor units that moved for an invoice."""
        of_it = f"pay:{invoice_id}:"
        pages = [self.pages[r].outcome for k, r in self.by_key.items() if k.startswith(of_it)]
        charges = [o for key, o in self.charges.items() if key.startswith(of_it)]
        moved = [o for o in (*pages, *charges) if isinstance(o, Succeeded)]
        return sum(one.captured.amount for one in moved)

    def fill_in(self, url: str, card: str = "ok") -> PageState:
        """What the customer does on a page; the state that the provider then tells."""
        reference = url.rpartition("/")[2]
        page = self.pages[reference]
        if page.status != "open":
            return page
        method = SavedMethod(f"pm_{uuid4().hex}", "cus", "visa", "4242", "2034-12")
        self.cards[method.reference] = card
        if (order := self.orders.get(reference)) is None:
            done = PageState(reference, "complete", NotAttempted(None, "setup"), method)
        else:
            total = sum((line.amount for line in order.lines), Money(0, "EUR"))
            paid = Succeeded(f"pi_{reference}", total, method)
            done = PageState(reference, "complete", paid, method)
        self.pages[reference] = done
        return done


@dataclass
class Answer:
    """Status, decoded body and headers (small letters)."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class World:
    """Everything that a test needs of the service."""

    client: aiohttp.ClientSession
    kernel: Kernel
    worker: Worker
    settings: BillingSettings
    provider: MemoryProvider

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
        email = f"{person.account.hex[-10:]}@example.org"
        told = {"email": email, "name": "Ada Lovelace", "locale": "en"}
        envelope = Envelope(
            id=uuid4(),
            source="auth",
            type="auth.account_registered.v1",
            stream=f"account-{person.account}",
            version=1,
            prev=0,
            time=SystemClock().now(),
            data={"account_id": str(person.account), **told},
        )
        await self.worker.inbox.handle([envelope.to_bytes()])
        return person

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
        async with self.world.client.request(
            method, path, headers={**identity, **sent}, **how
        ) as response:
            text = "json" in response.headers.get("Content-Type", "")
            told = await (response.json(content_type=None) if text else response.read())
            return Answer(
                response.status, told, {k.lower(): v for k, v in response.headers.items()}
            )

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def world(postgres: EmbeddedPostgres) -> AsyncIterator[World]:
    """The service and its worker on a fresh database, in a sandbox."""
    configure_logging(level="warning")  # plain: a traceback with all variables takes a minute
    settings = BillingSettings.load(public_url="https://cards.example", sandbox=True)
    feeds = Feeds(settings.internal_secret.get_secret_value(), {})
    provider = MemoryProvider()
    providers = {"stripe": provider, TRANSFER: Transfers()}
    async with kernel_on(postgres, DECLARATION) as kernel:
        worker = create_worker(settings, kernel, InProcessBroker(), feeds, providers)
        running = asyncio.create_task(worker.run())
        async with served(create_app(settings, kernel, providers)) as client:
            yield World(client, kernel, worker, settings, provider)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
