"""Two API processes and a worker of one service: one of them is told to restore a backup."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cards.declaration import DECLARATION
from cards.settings import CardsSettings
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.testing.http import signed_in
from common.testing.kernel import prepared_database
from common.testing.processes import forked, free_port
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

CARDS, BACKUPS = "/api/v1/cards/", "/api/v1/admin/backups?service=cards"
CARD = {"name": "Ann Onym", "title": "Tester", "email": "ann@example.org"}
LONG = 180


@dataclass
class Processes:
    """One service's processes by where they answer, and what was heard from them."""

    apis: list[aiohttp.ClientSession]
    worker: aiohttp.ClientSession
    told: list[tuple[int, str]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    worker_missed: set[str] = field(default_factory=set)

    async def ask(
        self, api: int, method: str, path: str, body: Any = None, *roles: str
    ) -> tuple[int, Any]:
        """One request of somebody new."""
        headers = signed_in(CardsSettings(), SystemClock().now(), roles=roles)
        async with self.apis[api].request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def write(self, api: int) -> None:
        """A card, by this process; what it said is noted."""
        status, body = await self.ask(api, "POST", CARDS, CARD)
        self.told.append((status, body.get("code", "")))
        if status == 201:
            self.written.append(body["id"])

    async def look_at_the_worker(self) -> None:
        """Which of its parts it misses."""
        async with self.worker.get("/readyz") as answer:
            self.worker_missed.update((await answer.json())["missing"])

    async def ready(self) -> bool:
        """Whether all have their database."""
        for api in self.apis:
            async with api.get("/readyz") as answer:
                if answer.status != 200:
                    return False
        async with self.worker.get("/readyz") as answer:
            return "database" not in (await answer.json())["missing"]

    async def task(self, api: int) -> dict[str, Any]:
        """How the last backup or restore of this process goes, and what files there are."""
        status, body = await self.ask(api, "GET", BACKUPS, None, "admin")
        assert status == 200, body
        return {"items": body["items"], **(body["task"] or {})}

    async def ended(self, api: int) -> bool:
        """Whether that is over."""
        return bool((await self.task(api))["outcome"] != "running")


@asynccontextmanager
async def running(postgres: EmbeddedPostgres, folder: Path) -> AsyncIterator[Processes]:
    """On one database, each on a port of its own; the broker is away, which is no concern here."""
    ports = [free_port() for _ in range(3)]
    environment = {
        "DATABASE_URL": await prepared_database(postgres, DECLARATION),
        "AMQP_URL": f"amqp://127.0.0.1:{free_port()}/",
        "BACKUP_FOLDER": str(folder / "backups"),
        "OPERATIONS_PORT": str(ports[2]),
    }
    modules = ("cards.main", "cards.main", "cards.worker")
    with ExitStack() as stack:
        for n, (module, port) in enumerate(zip(modules, ports, strict=True)):
            own = {**environment, "PORT": str(port)}
            stack.enter_context(forked([module], own, folder / f"{n}.txt"))
        sessions = [aiohttp.ClientSession(f"http://127.0.0.1:{port}") for port in ports]
        processes = Processes(sessions[:2], sessions[2])
        await eventually(processes.ready, within=LONG, what="two APIs and a worker")
        yield processes
        for session in sessions:
            await session.close()


async def use(processes: Processes, stop: asyncio.Event) -> None:
    """Both write, one card after the other, until it is enough."""
    while not stop.is_set():
        await asyncio.gather(*(processes.write(api) for api in (0, 1)))
        await processes.look_at_the_worker()


async def test_all_processes_stand_aside_while_one_restores(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    async with running(postgres, tmp_path) as processes:
        await processes.write(0)
        await processes.ask(0, "POST", BACKUPS, {}, "admin")
        await eventually(lambda: processes.ended(0), within=LONG, what="the backup's end")
        (backup,) = (await processes.task(0))["items"]
        stop = asyncio.Event()
        using = asyncio.ensure_future(use(processes, stop))
        await eventually(lambda: many(processes), within=LONG, what="some more cards")

        restore = f"/api/v1/admin/restore/{backup['filename']}?service=cards"
        confirmed = {"confirm": backup["filename"]}
        status, begun = await processes.ask(0, "POST", restore, confirmed, "admin")
        assert status in (200, 202), begun
        await eventually(lambda: processes.ended(0), within=LONG, what="the restore's end")
        stop.set()
        await using

        task = await processes.task(0)
        assert task["outcome"] == "done", task
        await eventually(processes.ready, within=LONG, what="all of them again")
        answers = {status for status, _ in processes.told}
        assert answers <= {201, 503}
        assert (503, "service_is_restored") in processes.told
        assert "database" in processes.worker_missed
        safety, former = task["items"]
        assert former["events"] == 1
        assert safety["events"] > 1, "there is one safety backup, and nothing was written after it"
        await both_agree(processes, safety["events"])


async def many(processes: Processes) -> bool:
    return len(processes.written) > 10


async def both_agree(processes: Processes, saved: int) -> None:
    """Of the cards in the order in which they were answered: the backup's, then what only the
    safety backup has, then what was written afterwards."""
    status = [await found(processes, 0, id) for id in processes.written]
    assert status == [await found(processes, 1, id) for id in processes.written]
    lost = status.count(404)
    assert status == [200] + [404] * lost + [200] * (len(status) - lost - 1)
    assert lost < saved


async def found(processes: Processes, api: int, id: str) -> int:
    async with processes.apis[api].get(f"/view/{id}") as answer:
        return answer.status
