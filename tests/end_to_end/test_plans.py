"""Through the gateway: plans that everybody sees at once, and what buying one lets somebody do.

Everything else about money is a journey over real processes, in `billing/`.
"""

import asyncio
import os
import sys
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import Person
from tests.end_to_end.billing.twin import Twin

pytestmark = pytest.mark.integration

PASSWORD = "a long enough secret"
PLANS, SHOP = "/api/v1/admin/plans", "/api/v1/tarif-plans"
CARD = {"name": "Ann Onym", "title": "Tester", "email": "ann@example.org"}
GENEROUS = {
    "name": "Generous",
    "limits": {"cards.max": 10},
    "term": {"interval": "month"},
    "prices": [{"price": {"amount": 0, "currency": "EUR"}}],
}


class Caller:
    """Somebody at the gateway, or nobody."""

    def __init__(self, system: Any, token: str | None = None) -> None:
        self.system = system
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request."""
        headers = {**self.headers, "Idempotency-Key": str(uuid4())}
        how = {} if body is None else {"json": body}
        async with self.system.session.request(method, path, headers=headers, **how) as response:
            is_json = "json" in response.headers.get("Content-Type", "")
            return response.status, await (response.json() if is_json else response.read())

    async def enters(self, how: str, email: str, password: str = PASSWORD) -> "Caller":
        """The same, logged in."""
        status, body = await self.ask("POST", how, {"email": email, "password": password})
        assert status in (200, 201), body
        return Caller(self.system, body["access_token"])

    async def plans(self) -> list[str]:
        """The slugs that are offered."""
        status, body = await self.ask("GET", f"{SHOP}?per_page=100")
        assert status == 200, body
        return [plan["slug"] for plan in body["items"]]


async def administrator(system: Any) -> Caller:
    """Made by the command line, as whoever operates the system does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "cartulary.main", "admin", "create", "--email", "ops@example.org"),
        env={
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(system.mail.parent),
            "ADMIN_PASSWORD": PASSWORD,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return await Caller(system).enters("/api/v1/auth/login", "ops@example.org")


async def seeded(embedded: Any) -> Caller:
    """Nobody, once there are the demo's plans."""
    nobody = Caller(embedded)

    async def there() -> bool:
        return {"free", "pro-monthly", "pro-yearly", "team"} <= set(await nobody.plans())

    await eventually(there, within=120, what="the demo's plans")
    return nobody


async def test_a_plan_is_bought_on_a_page_also_in_one_process(embedded: Any) -> None:
    nobody = await seeded(embedded)
    _, team = await nobody.ask("GET", f"{SHOP}/team")

    async with aiohttp.ClientSession() as browser:
        person = await Person(embedded, Twin("", browser)).enters("register", "bob@example.org")
        id = await person.buys(team["id"])

    await person.reads("Receipt")
    assert await person.limits() == {"cards.max": 50}
    assert (await person.subscription(id))["plan"]["slug"] == "team"


async def test_a_plan_lets_somebody_have_as_many_cards_as_it_says(embedded: Any) -> None:
    nobody = await seeded(embedded)
    root = await administrator(embedded)
    ann = await nobody.enters("/api/v1/auth/register", "ann@example.org")
    status, plan = await root.ask("POST", PLANS, GENEROUS)
    assert status == 201, plan
    assert "generous" in await nobody.plans(), "a plan is seen at once, kept answers or not"
    assert (await ann.ask("POST", "/api/v1/cards/", CARD))[0] == 201
    assert (await ann.ask("POST", "/api/v1/cards/", CARD))[0] == 403

    status, bought = await ann.ask("POST", "/api/v1/user/checkout", order(plan))
    assert status == 201, bought

    _, given = await ann.ask("GET", "/api/v1/user/entitlements")
    assert given["limits"] == {"cards.max": 10}
    await eventually(lambda: answers(ann, 201), within=120, what="a second card")
    path = f"/api/v1/user/subscriptions/{bought['subscription']['id']}/cancel"
    status, ended = await ann.ask("POST", path, {"at": "now"})
    assert status == 200, ended
    await eventually(lambda: answers(ann, 403), within=120, what="no further card")
    status, _ = await root.ask("DELETE", f"{PLANS}/{plan['id']}")
    assert (status, "generous" in await nobody.plans()) == (200, False)


async def answers(caller: Caller, status: int) -> bool:
    """Whether one more card is answered so."""
    return (await caller.ask("POST", "/api/v1/cards/", CARD))[0] == status


def order(plan: dict[str, Any]) -> dict[str, Any]:
    return {"plan_id": plan["id"], "currency": "EUR", "payment_method": "stripe"}
