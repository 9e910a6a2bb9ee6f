"""kill -9 in the middle of writes: everything that was answered is there, nothing is half there."""

import asyncio
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from cards.allowances import allow
from cartulary.layout import Layout
from common.database import Database
from common.embedded_postgres import embedded_postgres
from common.testing.processes import Process, forked, free_port, process
from common.testing.waiting import eventually

from tests.end_to_end.systems import EMBEDDED, RUN

pytestmark = pytest.mark.integration

WHO = {"email": "kim@example.org", "password": "a long enough secret"}


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession(url) as session, session.get("/health") as response:
        return (await response.json())["status"] == "ok"


async def nothing_runs(var: Path) -> bool:
    """Whether the PostgreSQL of a run has ended, in good order."""
    return not (var / "postgres/postmaster.pid").exists()


async def entitle(dsn: str, account: str, *, cards: int) -> None:
    """Let the account have more cards, as a message of billing's would."""
    database = await Database.connect(dsn, size=2)
    async with database.transaction() as transaction:
        await transaction.write([allow(UUID(account), cards)])
    await database.close()


async def keep_creating(url: str, headers: dict[str, str], made: list[str]) -> None:
    """Create cards until the server is gone; `made` are those that it has told us of."""
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for n in range(100_000):
            card = {"name": f"Card {n}", "title": "t", "email": "kim@example.org"}
            try:
                async with session.post("/api/v1/cards/", json=card) as response:
                    if response.status == 201:
                        made.append((await response.json())["id"])
            except (aiohttp.ClientError, OSError):
                return


async def all_cards(url: str, headers: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    async with aiohttp.ClientSession(url, headers=headers) as session:
        while True:
            page = len(found) // 100 + 1
            async with session.get(f"/api/v1/cards/?per_page=100&page={page}") as response:
                body = await response.json()
            found += body["items"]
            if len(found) >= body["total"]:
                return found


async def test_a_killed_system_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PORT": str(port),
        "VAR_DIR": str(tmp_path / "var"),
        "RATE_LIMIT_SCALE": "0",
    }
    as_a_user = ["-m", "cartulary.main", "run"]

    with process(as_a_user, environment, tmp_path / "first.txt") as first:
        await eventually(lambda: answers(url), within=180, what="the first run")
        cards_dsn = Layout(tmp_path / "var", port).embedded_dsn("cards")
        headers, made = await create_until_killed(url, first, cards_dsn)
    await eventually(lambda: nothing_runs(tmp_path / "var"), what="the end of its PostgreSQL")

    with forked(RUN, environment, tmp_path / "second.txt", later=EMBEDDED):
        await eventually(lambda: answers(url), within=180, what="the second run")
        cards = await all_cards(url, headers)
        verify = ["cartulary.main", "events", "verify"]
        with forked(verify, environment, tmp_path / "verify.txt") as checked:
            assert await asyncio.to_thread(checked.child.wait, 60) == 0, checked.said()

    assert len(made) > 20
    assert set(made) <= {card["id"] for card in cards}
    assert len(cards) - len(set(made)) <= 4, "at most what was under way for each of four writers"


async def create_until_killed(
    url: str, running: Process, cards_dsn: str
) -> tuple[dict[str, str], list[str]]:
    async with (
        aiohttp.ClientSession(url) as session,
        session.post("/api/v1/auth/register", json=WHO) as response,
    ):
        body = await response.json()
    token = body["access_token"]
    await entitle(cards_dsn, body["user"]["id"], cards=100_000)
    headers = {"Authorization": f"Bearer {token}"}
    made: list[str] = []
    writers = [asyncio.ensure_future(keep_creating(url, headers, made)) for _ in range(4)]

    async def enough() -> bool:
        return len(made) > 20

    await eventually(enough, within=180, what="some cards")
    running.kill()
    await asyncio.gather(*writers)
    return headers, made


async def test_a_stopped_system_leaves_nothing_running(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PORT": str(port),
        "VAR_DIR": str(tmp_path / "var"),
        "RATE_LIMIT_SCALE": "0",
    }
    for number in (signal.SIGTERM, signal.SIGINT):
        with forked(RUN, environment, tmp_path / "run.txt", later=EMBEDDED) as running:
            await eventually(lambda: answers(f"http://127.0.0.1:{port}"), within=180)
            assert await asyncio.to_thread(running.stop, number) == 0

        assert await nothing_runs(tmp_path / "var")
        assert "Stopped." in running.said()


async def test_a_folder_that_another_run_uses_is_named(tmp_path: Path) -> None:
    var = tmp_path / "var"
    environment = {"PORT": str(free_port()), "VAR_DIR": str(var)}
    with (
        embedded_postgres(var / "postgres"),
        forked(RUN, environment, tmp_path / "run.txt", later=EMBEDDED) as refused,
    ):
        assert await asyncio.to_thread(refused.child.wait, 90) == 1

    assert f"Another run uses {var}" in refused.said()
    assert "Traceback" not in refused.said()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    environment = {
        "PORT": str(port),
        "VAR_DIR": str(tmp_path / "var"),
        "RATE_LIMIT_SCALE": "0",
    }
    async with server:
        output = tmp_path / "run.txt"
        with forked(RUN, environment, output, later=EMBEDDED) as refused:
            assert await asyncio.to_thread(refused.child.wait, 30) == 1

    assert f"Port {port} is taken" in refused.said()
    assert "Traceback" not in refused.said()
