"""One system of real processes for all of billing's journeys, with a clock that can be moved.

Everything is between processes as it will be: requests go through the gateway, messages through
RabbitMQ, money through the counterpart of Stripe, whose webhooks come back through the gateway.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from common.embedded_postgres import EmbeddedPostgres
from common.testing.processes import forked, free_port
from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import PASSWORD, Person, Shop
from tests.end_to_end.billing.twin import AS_EVER, NEXT_SECRET, SECRET, Twin
from tests.end_to_end.systems import System, distributed_run

OPERATOR = "ops@example.org"


@pytest.fixture(scope="package")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, postgres: EmbeddedPostgres
) -> AsyncIterator[Shop]:
    """The system in its sandbox. Whoever strikes it leaves it whole again.

    It ends before another begins: two at one broker would take messages from one another.
    """
    folder, port = tmp_path_factory.mktemp("journeys"), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "SANDBOX": "true",
        "STRIPE_SECRET_KEY": "sk_test_of_the_journeys",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_of_the_journeys",
        "STRIPE_WEBHOOK_SECRETS": f"{SECRET},{NEXT_SECRET}",
        "STRIPE_API_BASE": url,
    }
    with forked(["stripe_twin.__main__"], {"PORT": str(port)}, folder / "twin.txt"):
        async with (
            aiohttp.ClientSession() as http,
            distributed_run(folder, postgres, **settings) as system,
        ):
            twin = await _listening(url, http, system)
            await _administrator(system)
            root = await Person(system, twin).enters("login", OPERATOR)
            yield Shop(system, twin, root)


async def _listening(url: str, http: aiohttp.ClientSession, system: System) -> Twin:
    """The counterpart, which tells what happens to the gateway."""
    twin = Twin(url, http)

    async def answers() -> bool:
        async with http.get(url) as answer:
            return answer.status == 200

    await eventually(answers, within=120, what="the counterpart of Stripe")
    where = {"url": f"{system.url}/api/v1/stripe/webhook", "secret": SECRET}
    twin.endpoint = (await twin.set("webhook_endpoints", **where))["id"]
    await twin.set("switches", **AS_EVER)
    return twin


async def _administrator(system: System) -> None:
    """Made by the command line, as whoever operates the system does."""
    command = ("-m", "cartulary.main", "admin", "create", "--email", OPERATOR)
    made = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        *("--database-url", system.dsns["auth"]),
        env={"PATH": os.environ["PATH"], "ADMIN_PASSWORD": PASSWORD},
    )
    assert await made.wait() == 0
