"""Through the gateway, against the counterpart of Stripe: buy, renew, change, give back, end."""

import asyncio
import os
import sys
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

PASSWORD = "a long enough secret"
GOOD = "4242424242424242"
MINE, ANY_INVOICE = "/api/v1/user/subscriptions", "/api/v1/admin/invoices"
PATIENCE = 120


class Caller:
    """Somebody at the gateway."""

    def __init__(self, system: Any, token: str | None = None) -> None:
        self.system = system
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One request, whose answer has this status."""
        headers = {**self.headers, "Idempotency-Key": uuid4().hex}
        how = {} if body is None else {"json": body}
        async with self.system.session.request(method, path, headers=headers, **how) as response:
            told = await response.json()
            assert response.status == status, told
            return told

    async def enters(self, path: str, email: str) -> "Caller":
        """The same, logged in."""
        body = {"email": email, "password": PASSWORD}
        status = 201 if path.endswith("register") else 200
        told = await self.ask("POST", path, body, status=status)
        return Caller(self.system, told["access_token"])

    async def buys(self, plan: dict[str, Any], card: str = GOOD) -> str:
        """A subscription's id, once it is active because its page was paid."""

        async def known() -> bool:
            path, headers = "/api/v1/user/checkout", {"Idempotency-Key": key}
            async with self.system.session.post(
                path, headers={**self.headers, **headers}, json={"plan_id": plan["id"]}
            ) as response:
                answer.update(await response.json())
                return bool(response.status == 201)

        answer: dict[str, Any] = {}
        key = uuid4().hex
        await eventually(known, within=PATIENCE, what="billing has heard of the account")
        await self.pays(answer["checkout_url"], card)
        id: str = answer["subscription"]["id"]
        await self.sees(id, "active")
        return id

    async def pays(self, url: str, card: str) -> None:
        """Fill in a page of the counterpart's."""
        at = urlsplit(url)
        session = at.path.rpartition("/")[2]
        twin = f"{at.scheme}://{at.netloc}/_twin"
        body = {"session": session, "number": card}
        async with self.system.session.post(f"{twin}/pay", json=body) as response:
            assert response.status == 200, await response.text()

    async def sees(self, id: str, status: str) -> None:
        """The subscription gets there."""

        async def there() -> bool:
            return bool((await self.ask("GET", f"{MINE}/{id}"))["status"] == status)

        await eventually(there, within=PATIENCE, what=f"{id} is {status}")


async def administrator(system: Any) -> Caller:
    """Made by the command line, as whoever operates the system does."""
    command = ("-m", "cartulary.main", "admin", "create", "--email", "ops@example.org")
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(system.mail.parent),
        "ADMIN_PASSWORD": PASSWORD,
    }
    made = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)
    assert await made.wait() == 0
    return await Caller(system).enters("/api/v1/auth/login", "ops@example.org")


async def test_a_year_with_a_card(sandbox: Any) -> None:
    root = await administrator(sandbox)
    plans = [await plan(root, name, price) for name, price in (("Basic", 900), ("Grand", 4900))]
    ann = await Caller(sandbox).enters("/api/v1/auth/register", "ann@example.org")
    id = await ann.buys(plans[0])

    path = f"{MINE}/{id}/change-preview?plan_id={plans[1]['id']}"
    preview = await ann.ask("GET", path)
    body = {"preview_token": preview["preview_token"]}
    bought = await ann.ask("POST", f"{MINE}/{id}/upgrade", body)
    assert (bought["status"], bought["invoice"]["total"]) == ("applied", preview["total"])

    await root.ask("POST", "/api/v1/sandbox/clock/advance", {"days": 366})
    paid = (await ann.ask("GET", "/api/v1/user/invoices?per_page=100&status=paid"))["items"]
    assert [one["total"]["amount"] for one in paid[:12]] == [4900] * 12
    assert len({one["number"] for one in paid}) == len(paid) == 14

    refund = f"{ANY_INVOICE}/{paid[0]['id']}/refund"
    some = await root.ask("POST", refund, {"amount": 900})
    assert some["credit_notes"][0]["number"].startswith("CN-")
    kept = await ann.ask("POST", f"{MINE}/{id}/cancel")
    assert (kept["status"], kept["cancel_at_period_end"]) == ("active", True)
    await root.ask("POST", "/api/v1/sandbox/clock/advance", {"days": 32})
    await ann.sees(id, "ended")


async def plan(root: Caller, name: str, price: int) -> dict[str, Any]:
    body = {
        "name": f"{name} {uuid4().hex[:6]}",
        "term": {"interval": "month"},
        "prices": [{"price": {"amount": price, "currency": "EUR"}}],
    }
    made: dict[str, Any] = await root.ask("POST", "/api/v1/admin/plans", body, status=201)
    return made
