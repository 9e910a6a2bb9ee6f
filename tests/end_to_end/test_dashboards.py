"""Every panel of every dashboard is asked of a real Prometheus that watches the running system."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from common.testing.prometheus import Prometheus, prometheus
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[2] / "deploy"
PASSWORD = "a long enough secret"
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


async def use(system: Any, n: int) -> None:
    """A little of everything that the panels show."""
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


async def test_every_panel_shows_something(distributed: Any, tmp_path: Path) -> None:
    """An answer of NaN is none: Grafana would show an empty panel."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    with prometheus(config, distributed.metrics, tmp_path) as watching:
        await eventually(lambda: all_are_up(watching, distributed), within=60, what="all targets")
        left, rounds = questions(), count()
        assert len(left) > 40

        async def answered() -> bool:
            """A rate needs something that happens between two looks, so it is used meanwhile."""
            await use(distributed, next(rounds))
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
