"""Backups over HTTP: who may, what is refused, and a service that is restored while it is used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.kernel_service import create_kernel_service
from common.settings import ServiceSettings
from common.testing.example import ALL_NOTES, NOTE, WriteNote
from common.testing.http import served, signed_in
from common.testing.kernel import EXAMPLE, cause, kernel_on
from common.testing.waiting import eventually
from fastapi import APIRouter, FastAPI, Request

BACKUPS = "/api/v1/admin/backups?service=example"


def restore_of(name: str) -> str:
    return f"/api/v1/admin/restore/{name}?service=example"


router = APIRouter()


@router.get("/notes")
async def notes(request: Request) -> int:
    """How many there are."""
    return len(await request.app.state.kernel.database.fetch(ALL_NOTES))


@dataclass
class Served:
    """The example service and an administrator of it."""

    kernel: Kernel
    client: aiohttp.ClientSession
    settings: ServiceSettings
    app: FastAPI

    async def call(
        self, method: str, path: str, role: str | None = "admin", json: object = None
    ) -> tuple[int, Any]:
        now = SystemClock().now()
        headers = signed_in(self.settings, now, roles=[role]) if role else {}
        async with self.client.request(method, path, headers=headers, json=json) as answer:
            return answer.status, await answer.json()

    async def write(self) -> None:
        id = uuid4()
        await self.kernel.commands.handle(NOTE, id, WriteNote(id, uuid4(), str(id), "x"), cause())


@asynccontextmanager
async def on(postgres: EmbeddedPostgres, folder: Path, **more: object) -> AsyncIterator[Served]:
    async with kernel_on(postgres) as kernel:
        settings = ServiceSettings(
            database_url=kernel.database.dsn,
            data_key="ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ",
            wire_key="d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3c",
            backup_folder=folder,
            **more,
        )

        @asynccontextmanager
        async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
            app.state.kernel = opened
            yield

        app = create_kernel_service(
            EXAMPLE, settings=settings, routers=[router], resources=resources, kernel=kernel
        )
        async with served(app) as client:
            yield Served(kernel, client, settings, app)


@pytest.fixture
async def example(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Served]:
    async with on(postgres, tmp_path / "backups") as service:
        yield service


async def test_only_administrators_may_and_names_are_looked_at(example: Served) -> None:
    name = "example-20260131T120000000Z.backup"
    for method, path in (("GET", BACKUPS), ("POST", BACKUPS), ("POST", restore_of(name))):
        body = {"confirm": name} if method == "POST" else None
        assert (await example.call(method, path, None, body))[0] == 401
        for role in ("user", "support"):
            assert (await example.call(method, path, role, body))[0] == 403
    for wrong in (name, "..%2f..%2fetc%2fpasswd", "x", "example-1.backup", name[:-6] + "keys"):
        status, problem = await example.call("POST", restore_of(wrong), json={"confirm": wrong})
        assert status == 404, wrong
    for query in ("", "?service=cards"):
        assert (await example.call("GET", BACKUPS.partition("?")[0] + query))[0] == 422
    foreign = "cards-20260131T120000000Z.backup"
    status, problem = await example.call("POST", restore_of(foreign), json={"confirm": foreign})
    assert (status, problem["code"]) == (422, "backup_of_another_service")


async def test_a_backup_is_made_listed_and_restored_with_a_confirmation(example: Served) -> None:
    await example.write()
    status, _ = await example.call("POST", BACKUPS)
    assert status in (201, 202)
    await eventually(lambda: idle(example), within=60, what="the backup's end")
    (file,) = (await example.call("GET", BACKUPS))[1]["items"]
    assert file["events"] == 1
    await example.write()
    for body in ({}, {"confirm": "yes"}, {"confirm": file["filename"], "force": True}, [], None):
        status, problem = await example.call("POST", restore_of(file["filename"]), json=body)
        assert status == 422, problem
    assert (await example.call("GET", "/notes"))[1] == 2

    confirmed = {"confirm": file["filename"]}
    status, task = await example.call("POST", restore_of(file["filename"]), json=confirmed)

    assert (status, task["what"]) in ((200, "restore"), (202, "restore"))
    await eventually(lambda: idle(example), within=60, what="the restore's end")
    await eventually(lambda: counts(example, 1), what="the former state")
    listed = (await example.call("GET", BACKUPS))[1]
    assert listed["task"]["outcome"] == "done", listed["task"]
    assert [item["events"] for item in listed["items"]] == [2, 1], "what there was was kept"


async def idle(example: Served) -> bool:
    task = (await example.call("GET", BACKUPS))[1]["task"]
    return task is not None and task["outcome"] != "running"


async def counts(example: Served, expected: int) -> bool:
    return await example.call("GET", "/notes") == (200, expected)


async def test_while_it_is_restored_a_service_says_so_and_takes_nothing_else(
    example: Served,
) -> None:
    going_on = asyncio.Event()

    async def work() -> str:
        await going_on.wait()
        return "done"

    backups = example.app.state.backups
    backups.restoring = True
    task = asyncio.ensure_future(backups.begin("restore", SystemClock().now(), work))
    await asyncio.sleep(0)

    status, problem = await example.call("GET", "/notes")
    assert (status, problem["code"]) == (503, "service_is_restored")
    assert problem["request_id"]
    assert (await example.call("GET", "/readyz"))[0] == 503
    assert (await example.call("GET", "/livez"))[0] == 200
    assert (await example.call("GET", BACKUPS))[1]["task"]["outcome"] == "running"
    status, problem = await example.call("POST", BACKUPS)
    assert (status, problem["code"]) == (409, "backup_under_way")
    going_on.set()
    await task
    backups.restoring = False
    assert (await example.call("GET", "/notes"))[0] == 200


async def test_what_cannot_work_is_said_and_changes_nothing(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    async with on(postgres, tmp_path / "file") as example:
        status, problem = await example.call("POST", BACKUPS)
        assert (status, problem["code"]) == (503, "backup_folder_unusable")
        assert str(tmp_path) not in str(problem)
    async with on(postgres, tmp_path / "backups") as example:
        await example.call("POST", BACKUPS)
        await eventually(lambda: idle(example), within=60, what="the backup's end")
        (file,) = (tmp_path / "backups").glob("*.backup")
        file.write_bytes(file.read_bytes()[:-9])
        confirmed = {"confirm": file.name}
        status, problem = await example.call("POST", restore_of(file.name), json=confirmed)
        assert (status, problem["code"]) == (422, "backup_damaged")
        assert (await example.call("GET", "/notes"))[0] == 200
    strict: dict[str, Any] = {"environment": "production", "internal_secret": "s" * 40}
    async with on(postgres, tmp_path / "none", **strict) as example:
        for method in ("GET", "POST"):
            status, problem = await example.call(method, BACKUPS)
            assert (status, problem["code"]) == (503, "backups_not_set_up")
