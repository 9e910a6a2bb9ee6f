"""Billing's API and its work on notifications, beside a twin of Stripe; all over real HTTP."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from billing.declaration import DECLARATION
from billing.main import create_app
from billing.notification_work import NotificationWork
from billing.payment_provider import PageLine, PageOrder, SavedMethod
from billing.provider_news import Heard, ProviderNews
from billing.reconciliation import OpenPayment, OwedRefund, Reconciliation
from billing.settings import BillingSettings
from billing.stripe_gateway import StripeGateway
from common.clock import SystemClock
from common.database import Transaction
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import VersionConflict
from common.kernel import Kernel
from common.money import Money
from common.testing.http import served
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres
from common.testing.waiting import eventually
from stripe_twin.testing.world import World, account

SECRET = "whsec_tests_first_of_two_secrets"
OLD_SECRET = "whsec_tests_second_of_two_secrets"
PRICE = Money(1999, "EUR")
HEARD = "create table heard (command_id uuid, news text, id bigint generated always as identity)"


def gateway_to(twin: World, **more: Any) -> StripeGateway:
    """A gateway of its own, with other limits."""
    return StripeGateway("sk_test_billing", [SECRET], api_base=twin.url, **more)


@dataclass
class House:
    """Billing, its twin, and what core was told."""

    twin: World
    client: aiohttp.ClientSession
    kernel: Kernel
    gateway: StripeGateway
    settings: BillingSettings
    endpoint: str = ""
    secret: str = SECRET
    old_secret: str = OLD_SECRET
    failing: int = 0
    racing: int = 0
    open: list[OpenPayment] = field(default_factory=list)
    owed: list[OwedRefund] = field(default_factory=list)

    async def hear(self, transaction: Transaction, news: ProviderNews, heard: Heard) -> None:
        """Core's part: note what was said, in the transaction that settles it."""
        if self.failing:
            self.failing -= 1
            raise RuntimeError("core is broken")
        if self.racing:
            self.racing -= 1
            raise VersionConflict
        await transaction.connection.execute(
            "insert into heard (command_id, news) values ($1, $2)",
            heard.cause.command_id,
            repr(news),
        )

    async def open_payments(self) -> Sequence[OpenPayment]:
        """Core's other part."""
        return self.open

    @property
    def work(self) -> NotificationWork:
        """What a worker does."""
        return NotificationWork(self.kernel, self.gateway, self.hear, SystemClock())

    async def owed_refunds(self) -> Sequence[OwedRefund]:
        """Core's answer to what customers are owed."""
        return self.owed

    @property
    def reconciliation(self) -> Reconciliation:
        """The job."""
        return Reconciliation(
            self.kernel,
            self.gateway,
            self.open_payments,
            self.hear,
            SystemClock(),
            self.owed_refunds,
        )

    async def work_until_done(self) -> None:
        """Do all that is due."""
        while await self.work.step():
            continue

    async def heard(self, about: str = "") -> list[str]:
        """What core was told of a thing, the oldest first."""
        async with self.kernel.database.reader() as reader:
            rows = await reader.connection.fetch("select news from heard order by id")
        return [row["news"] for row in rows if about in row["news"]]

    async def stored(self, condition: str = "true") -> int:
        """How many notifications there are of which this holds."""
        async with self.kernel.database.reader() as reader:
            number: int = await reader.connection.fetchval(
                f"select count(*) from provider_notifications where {condition}"
            )
        return number

    async def arrived(self, number: int, condition: str = "true") -> None:
        """Wait until so many are stored."""

        async def there() -> bool:
            return await self.stored(condition) >= number

        await eventually(there, within=60, what=f"{number} notifications")

    async def everything_was_sent(self) -> None:
        """Wait until the twin has nothing left to deliver."""

        async def nothing_left() -> bool:
            return all(d["state"] != "waiting" for d in await self.twin.told("deliveries"))

        await eventually(nothing_left, within=60, what="all deliveries")

    async def all_due(self) -> None:
        """Let what was put back be due again."""
        async with self.kernel.database.reader() as writer:
            await writer.connection.execute("update provider_notifications set due_at = now()")

    async def order(self, **more: Any) -> PageOrder:
        """A page on which a payment of ours is made."""
        customer = await self.gateway.customer(uuid4(), "ann@example.org", "Ann", key=str(uuid4()))
        given: dict[str, Any] = {
            "payment_id": uuid4(),
            "customer": customer,
            "lines": [PageLine("Plus, March", PRICE)],
            "success_url": "https://cartulary.example/paid",
            "cancel_url": "https://cartulary.example/back",
            "expires_at": datetime.now(UTC) + timedelta(hours=23),
            "save_method": True,
        }
        return PageOrder(**{**given, **more})

    async def bought(self, number: str = "4242424242424242", **more: Any) -> tuple[UUID, str]:
        """A payment made on a page: our id of it, and the page's reference."""
        order = await self.order(**more)
        page = await self.gateway.checkout_page(order, key=f"page:{order.payment_id}")
        await self.twin.set("pay", session=page.reference, number=number)
        return order.payment_id, page.reference

    async def something_happens(self) -> None:
        """Something happens at the twin that it tells: a card is made and charged."""
        await self.twin.pays()

    def impatient(self) -> StripeGateway:
        """A gateway that soon gives up waiting, and asks only once."""
        return gateway_to(self.twin, time_limit=1.5, retries=0)

    async def saved(self) -> SavedMethod:
        """A card that was saved on a page."""
        customer = await self.gateway.customer(uuid4(), "bo@example.org", "Bo", key=str(uuid4()))
        page = await self.gateway.method_page(
            uuid4(),
            customer,
            success_url="https://cartulary.example/saved",
            cancel_url="https://cartulary.example/back",
            key=str(uuid4()),
        )
        await self.twin.set("pay", session=page.reference, number="4242424242424242")
        method = (await self.gateway.page(page.reference)).method
        assert method is not None
        return method

    async def charged(
        self, method: SavedMethod, key: str | None = None, *, by: StripeGateway | None = None
    ) -> Any:
        """The outcome of charging it for a payment of its own."""
        gateway = by or self.gateway
        return await gateway.charge(uuid4(), method, PRICE, text="Plus", key=key or str(uuid4()))

    async def intents_of(self, method: SavedMethod) -> list[Any]:
        """What the twin was asked to take from its owner."""
        page = await self.twin.v1.payment_intents.list_async({"customer": method.customer})
        return list(page.data)

    async def post(
        self, body: bytes, signature: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        """A webhook of the test's own making."""
        sent = {**headers, **({"Stripe-Signature": signature} if signature is not None else {})}
        async with self.client.post(
            "/api/v1/stripe/webhook", data=BytesIO(body), headers=sent
        ) as answer:
            return answer.status, await answer.json()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@pytest.fixture(scope="module")
async def one_house(postgres: EmbeddedPostgres) -> AsyncIterator[House]:
    """Billing and a twin for a whole module."""
    async with account() as twin, kernel_on(postgres, DECLARATION) as kernel:
        settings = BillingSettings.load(
            stripe_secret_key="sk_test_billing",
            stripe_publishable_key="pk_test_billing",
            stripe_webhook_secrets=f"{SECRET}, {OLD_SECRET}",
            stripe_api_base=twin.url,
        )
        async with kernel.database.owner() as owner:
            await owner.execute(HEARD)
            await owner.execute("grant all on heard to public")
        gateway = gateway_to(twin)
        async with served(create_app(settings, kernel)) as client:
            yield House(twin, client, kernel, gateway, settings)
        await gateway.close()


@pytest.fixture
async def house(one_house: House) -> House:
    """The module's house, empty: nothing was told, the twin remembers nothing and behaves."""
    await one_house.twin.set("reset")
    url = str(one_house.client._base_url).rstrip("/") + "/api/v1/stripe/webhook"
    made = await one_house.twin.set("webhook_endpoints", url=url, secret=SECRET)
    await one_house.twin.set("switches", retry_after=[0.05] * 20)
    async with one_house.kernel.database.owner() as owner:
        await owner.execute("truncate heard, provider_notifications, provider_reconciliations")
    one_house.endpoint, one_house.failing, one_house.open = made["id"], 0, []
    one_house.owed = []
    one_house.racing = 0
    return one_house
