"""Every panel of every dashboard is asked of a real Prometheus that watches the running system."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from common.testing.processes import free_port, process
from common.testing.prometheus import Prometheus, prometheus
from common.testing.waiting import eventually

from tests.end_to_end.test_billing import Caller, plan

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORD = "a long enough secret"
WEBHOOK_SECRET = "whsec_of_a_test_that_shows_dashboards"
CARD = {"name": "Ann Onym", "title": "Tester", "email": "ann@example.org"}


def questions() -> list[tuple[str, str]]:
    """Each panel's name and each query of it, with what Grafana would fill in."""
    found = []
    for file in sorted((DEPLOY / "grafana/dashboards").glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "1m")
                found.append((f"{dashboard['title']}: {panel['title']}", expression))
    return found


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a counterpart of Stripe answers."""
    port, said = free_port(), tmp_path_factory.mktemp("twin") / "said.txt"
    with process(["-m", "stripe_twin"], {"PORT": str(port)}, said):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def more_environment(twin: str) -> dict[str, str]:
    """Billing has an account there."""
    return {
        "STRIPE_SECRET_KEY": "sk_test_twin",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_twin",
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "STRIPE_API_BASE": twin,
    }


async def a_plan(system: Any, twin: str) -> dict[str, Any]:
    """Something to buy, of which the counterpart tells through the gateway."""
    to = {"url": f"{system.url}/api/v1/stripe/webhook", "secret": WEBHOOK_SECRET}
    async with system.session.post(f"{twin}/_twin/webhook_endpoints", json=to) as response:
        assert response.status == 200
    command = ("-m", "cartulary.main", "admin", "create", "--email", "ops@example.org")
    where = {"PATH": os.environ["PATH"], "AUTH_DATABASE_URL": system.dsns["auth"]}
    environment = {**where, "ADMIN_PASSWORD": PASSWORD}
    made = await asyncio.create_subprocess_exec(sys.executable, *command, env=environment)
    assert await made.wait() == 0
    root = await Caller(system).enters("/api/v1/auth/login", "ops@example.org")
    return await plan(root, "Watched", 900)


async def buy(system: Any, n: int, offer: dict[str, Any]) -> None:
    """A plan, with a card."""
    bob = await Caller(system).enters("/api/v1/auth/register", f"bob{n}@example.org")
    await bob.buys(offer)


async def use(system: Any, n: int) -> None:
    """A little of everything else that the panels show."""
    session, ann = system.session, {"email": f"ann{n}@example.org", "password": PASSWORD}
    async with session.post("/api/v1/auth/register", json=ann) as response:
        token = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
    async with session.post("/api/v1/cards/", json=CARD, headers=token) as response:
        card = await response.json()
    for _ in range(3):
        async with session.get(f"/view/{card['id']}") as response:
            assert response.status == 200
    async with session.delete("/api/v1/auth/me", json=ann, headers=token) as response:
        assert response.status == 204


async def test_every_panel_shows_something(distributed: Any, twin: str, tmp_path: Path) -> None:
    """An answer of NaN is none: Grafana would show an empty panel."""
    offer = await a_plan(distributed, twin)
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    with prometheus(config, distributed.metrics, tmp_path) as watching:
        await eventually(lambda: all_are_up(watching, distributed), within=60, what="all targets")
        left, rounds = questions(), count()
        assert len(left) > 60

        async def answered() -> bool:
            """A rate needs something that happens between two looks, so it is used meanwhile."""
            n = next(rounds)
            await asyncio.gather(use(distributed, n), buy(distributed, n, offer))
            left[:] = [one for one in left if not await shows(watching, one[1])]
            return not left

        try:
            await eventually(answered, within=120, what="data for every panel")
        except AssertionError:
            pytest.fail(f"without data: {left}")


async def all_are_up(watching: Prometheus, system: Any) -> bool:
    up = await watching.query("up == 1")
    return {series["metric"]["job"] for series in up} == set(system.metrics)


async def shows(watching: Prometheus, query: str) -> bool:
    return any(series["value"][1] != "NaN" for series in await watching.query(query))
