"""Every panel of every dashboard is asked of a real Prometheus that watches the running system."""

import asyncio
import json
from itertools import count
from pathlib import Path

import pytest
import yaml
from common.testing.prometheus import Prometheus, prometheus
from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import PASSWORD, Shop
from tests.end_to_end.systems import System

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[3] / "deploy"
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


async def buy(shop: Shop, n: int, plan: str) -> None:
    """A plan, with a card."""
    bob = await shop.customer(f"bob-before-a-dashboard-{n}")
    await bob.buys(plan)


async def use(system: System, n: int) -> None:
    """A little of everything else that the panels show."""
    email = f"ann-before-a-dashboard-{n}@example.org"
    session, ann = system.session, {"email": email, "password": PASSWORD}
    async with session.post("/api/v1/auth/register", json=ann) as response:
        token = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
    async with session.post("/api/v1/cards/", json=CARD, headers=token) as response:
        card = await response.json()
    for _ in range(3):
        async with session.get(f"/view/{card['id']}") as response:
            assert response.status == 200
    async with session.delete("/api/v1/auth/me", json=ann, headers=token) as response:
        assert response.status == 204


async def test_every_panel_shows_something(shop: Shop, tmp_path: Path) -> None:
    """An answer of NaN is none: Grafana would show an empty panel."""
    system, plan = shop.system, await shop.plan(900)
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    with prometheus(config, system.metrics, tmp_path) as watching:
        await eventually(lambda: all_are_up(watching, system), within=60, what="all targets")
        left, rounds = questions(), count()
        assert len(left) > 60

        async def answered() -> bool:
            """A rate needs something that happens between two looks, so it is used meanwhile."""
            n = next(rounds)
            await asyncio.gather(use(system, n), buy(shop, n, plan))
            left[:] = [one for one in left if not await shows(watching, one[1])]
            return not left

        try:
            await eventually(answered, within=120, what="data for every panel")
        except AssertionError:
            pytest.fail(f"without data: {left}")


async def all_are_up(watching: Prometheus, system: System) -> bool:
    up = await watching.query("up == 1")
    return {series["metric"]["job"] for series in up} == set(system.metrics)


async def shows(watching: Prometheus, query: str) -> bool:
    return any(series["value"][1] != "NaN" for series in await watching.query(query))
