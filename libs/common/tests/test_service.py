"""What a route gets for nothing, over real HTTP; and a process that ends gently."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
from common.clock import MovableClock
from common.database import DatabaseAway
from common.embedded_postgres import EmbeddedPostgres
from common.problem_responses import CONTENT_TYPE
from common.settings import ServiceSettings
from common.testing.example_service import create_app
from common.testing.http import served, signed_in
from common.testing.logs import json_log
from common.testing.processes import forked, free_port
from common.testing.waiting import eventually
from fastapi import APIRouter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = ServiceSettings()
THING = f"/things/{uuid4()}"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    with json_log():
        async with served(create_app(SETTINGS, clock=MovableClock(NOON))) as client:
            yield client


async def got(
    client: aiohttp.ClientSession, path: str, method: str = "GET", **headers: str
) -> tuple[int, Any]:
    async with client.request(method, path, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_caller_is_whom_the_gateway_names(client: aiohttp.ClientSession) -> None:
    account_id = uuid4()
    headers = signed_in(SETTINGS, NOON, account_id=account_id)

    status, me = await got(client, "/callers/me", **headers)
    assert (status, me) == (200, {"account_id": str(account_id), "now": "2026-03-01T12:00:00Z"})
    assert await got(client, "/callers/maybe", **headers) == (200, str(account_id))


async def test_nobody_is_asked_to_log_in_only_where_somebody_is_needed(
    client: aiohttp.ClientSession,
) -> None:
    assert await got(client, "/callers/maybe") == (200, None)
    for path in ("/callers/me", "/callers/admin"):
        status, problem = await got(client, path)
        assert (status, problem["code"]) == (401, "unauthenticated")


async def test_a_forged_or_old_identity_is_refused_everywhere(
    client: aiohttp.ClientSession,
) -> None:
    stranger = ServiceSettings.load(internal_secret="x" * 40)
    forged = signed_in(stranger, NOON)
    old = signed_in(SETTINGS, datetime(2026, 3, 1, 11, 50, tzinfo=UTC))
    for headers in (forged, old):
        for path in ("/callers/maybe", "/callers/me"):
            status, problem = await got(client, path, **headers)
            assert (status, problem["code"]) == (401, "invalid_token")


async def test_only_an_administrator_is_an_administrator(client: aiohttp.ClientSession) -> None:
    status, problem = await got(client, "/callers/admin", **signed_in(SETTINGS, NOON))
    assert (status, problem["code"]) == (403, "forbidden")

    admin = signed_in(SETTINGS, NOON, roles=["admin"])
    assert (await got(client, "/callers/admin", **admin))[0] == 200


@pytest.mark.parametrize(
    ("sent", "expected"), [('"7"', 7), ('W/"7"', 7), ("*", None), (' "12" ', 12)]
)
async def test_if_match_names_a_version(
    client: aiohttp.ClientSession, sent: str, expected: int | None
) -> None:
    assert await got(client, THING, "PATCH", **{"If-Match": sent}) == (200, expected)
    assert await got(client, THING, "PATCH") == (200, None)


@pytest.mark.parametrize("sent", ['"seven"', '"-1"', '"7", "8"', "9" * 5000, "²"])
async def test_an_if_match_that_is_no_version_of_ours_does_not_match(
    client: aiohttp.ClientSession, sent: str
) -> None:
    status, problem = await got(client, THING, "PATCH", **{"If-Match": sent})

    assert (status, problem["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize("sent", ['"7"', 'W/"7"', '"6", "7"', "*"])
async def test_who_has_the_version_is_told_so(client: aiohttp.ClientSession, sent: str) -> None:
    async with client.get(THING, headers={"If-None-Match": sent}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert (answer.headers["ETag"], answer.headers["Vary"]) == ('"7"', "Accept")


@pytest.mark.parametrize("sent", ['"6"', "7", ""])
async def test_who_has_another_version_gets_this_one(
    client: aiohttp.ClientSession, sent: str
) -> None:
    assert (await got(client, THING, **{"If-None-Match": sent}))[0] == 200


async def test_a_list_comes_in_pages(client: aiohttp.ClientSession) -> None:
    _, first = await got(client, "/things")
    assert first == {"items": list(range(20)), "page": 1, "per_page": 20, "total": 50}
    _, last = await got(client, "/things?page=2&per_page=40")
    assert last == {"items": list(range(40, 50)), "page": 2, "per_page": 40, "total": 50}


@pytest.mark.parametrize("query", ["page=0", "per_page=101", "per_page=0", "page=x", "page=1e9"])
async def test_a_page_outside_of_the_range_is_invalid(
    client: aiohttp.ClientSession, query: str
) -> None:
    status, problem = await got(client, f"/things?{query}")

    assert (status, problem["code"]) == (422, "invalid")
    assert problem["errors"][0]["pointer"] == "?" + query.partition("=")[0]


async def test_the_document_has_unique_ids_and_says_how_errors_look(
    client: aiohttp.ClientSession,
) -> None:
    _, document = await got(client, "/openapi.json")
    operations = [o for path in document["paths"].values() for o in path.values()]
    ids = [operation["operationId"] for operation in operations]

    assert len(ids) == len(set(ids))
    assert "show_thing" in ids
    assert not {"/livez", "/readyz", "/metrics"} & document["paths"].keys()
    problem = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operation in operations:
        assert operation["responses"]["4XX"]["content"] == problem
        assert operation["responses"]["5XX"]["content"] == problem
    schemas = document["components"]["schemas"]
    assert {"code", "request_id", "errors"} <= set(schemas["Problem"]["required"])
    assert "ProblemError" in schemas
    assert "HTTPValidationError" not in schemas


async def test_there_is_no_documentation_page_here(client: aiohttp.ClientSession) -> None:
    for path in ("/docs", "/redoc"):
        assert (await got(client, path))[0] == 404


async def test_measurements_can_be_read(client: aiohttp.ClientSession) -> None:
    await got(client, THING)
    async with client.get("/metrics") as answer:
        text = await answer.text()

    assert 'cartulary_http_request_seconds_count{method="GET",route="/things/{thing_id}"' in text


async def test_what_is_not_ready_is_named() -> None:
    ready = {"database": False}

    async def database() -> bool:
        return ready["database"]

    async def broker() -> bool:
        raise ConnectionError("away")

    with json_log():
        app = create_app(readiness={"database": database, "broker": broker})
        async with served(app) as client:
            assert await got(client, "/livez") == (200, {"status": "ok"})
            missing = {"status": "not ready", "missing": ["database", "broker"]}
            assert await got(client, "/readyz") == (503, missing)
            ready["database"] = True
            assert (await got(client, "/readyz"))[1]["missing"] == ["broker"]


async def test_a_text_that_no_database_takes_is_the_callers_mistake(
    postgres: EmbeddedPostgres,
) -> None:
    router = APIRouter()
    connection = await asyncpg.connect(await postgres.create_database("unstorable"))

    @router.get("/echo")
    async def echo(text: str) -> str | None:
        return await connection.fetchval("select $1::text", text)

    with json_log():
        async with served(create_app(routers=[router])) as client:
            assert await got(client, "/echo?text=fine") == (200, "fine")
            status, problem = await got(client, "/echo?text=a%00b")
    await connection.close()

    assert (status, problem["code"]) == (422, "invalid")


@pytest.mark.integration
async def test_a_process_that_is_asked_to_end_says_so_first_and_finishes_its_work(
    tmp_path: Path,
) -> None:
    port = free_port()
    environment = {"PORT": str(port), "DRAIN_SECONDS": "2"}
    service = forked(["common.testing.example_service"], environment, tmp_path / "log")
    with service as started:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:

            async def ready(status: int) -> bool:
                return (await got(client, "/readyz"))[0] == status

            async def busy() -> bool:
                return bool((await got(client, "/busy"))[1])

            await eventually(lambda: ready(200), what="readiness")
            slow = asyncio.create_task(got(client, "/slow?seconds=3"))
            await eventually(busy, what="the slow request")
            started.child.send_signal(signal.SIGTERM)
            await eventually(lambda: ready(503), what="the announcement")
            assert (await got(client, THING))[0] == 200
            assert await slow == (200, "done")
        assert await asyncio.to_thread(started.child.wait, 20) == 0
        assert "error" not in started.said()


@pytest.mark.parametrize(
    "error",
    [
        DatabaseAway("refused"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InterfaceError("the connection is closed"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_route_misses_the_database_says_so(error: Exception) -> None:
    router = APIRouter()

    @router.get("/away")
    async def away() -> None:
        raise error

    async with served(create_app(SETTINGS, routers=[router])) as client:
        status, problem = await got(client, "/away")

    assert (status, problem["code"]) == (503, "unavailable")
