"""What stands around every request: ids in and out, a limit, a line, a measurement."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import structlog
from common.ids import uuid7
from common.request_context import MAX_BODY, RequestContext
from common.testing.example_service import SECRET_TEXT, create_app
from common.testing.http import served
from common.testing.logs import json_log
from prometheus_client import REGISTRY

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def lines() -> Iterator[io.StringIO]:
    """Where the service's log goes. Its loggers are bound when the application starts."""
    with json_log() as file:
        yield file


@pytest.fixture(scope="module")
async def client(lines: io.StringIO) -> AsyncIterator[aiohttp.ClientSession]:
    async with served(create_app()) as client:
        yield client


def logged(lines: io.StringIO, request_id: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [entry for entry in entries if entry.get("request_id") == request_id]


def measured(method: str, route: str, status: int) -> float:
    labels = {"service": "example", "method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("cartulary_http_request_seconds_count", labels) or 0


async def context(client: aiohttp.ClientSession, **headers: str) -> dict[str, Any]:
    async with client.get("/context", headers=headers) as answer:
        seen: dict[str, Any] = await answer.json()
        assert answer.headers["X-Request-Id"] == seen["state"]["request_id"]
        return seen


async def test_ids_that_come_in_go_through(client: aiohttp.ClientSession) -> None:
    seen = await context(client, **{"X-Request-Id": "from-outside", "traceparent": TRACE})

    assert seen == {
        "state": {"request_id": "from-outside", "traceparent": TRACE},
        "log": {
            "request_id": "from-outside",
            "correlation_id": "from-outside",
            "traceparent": TRACE,
        },
    }


@pytest.mark.parametrize("sent", ["x" * 129, "with space", "ümlaut", ""])
async def test_an_insane_request_id_is_replaced(client: aiohttp.ClientSession, sent: str) -> None:
    seen = await context(client, **{"X-Request-Id": sent})

    assert UUID(hex=seen["state"]["request_id"])


@pytest.mark.parametrize(
    "sent", ["nonsense", TRACE.upper(), TRACE[:36] + "0" * 16 + "-01", "ff" + TRACE[2:]]
)
async def test_a_malformed_trace_is_begun_anew(client: aiohttp.ClientSession, sent: str) -> None:
    seen = await context(client, traceparent=sent)

    version, trace, span, flags = seen["state"]["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert seen["state"]["traceparent"] != sent


async def test_nothing_of_a_request_stays_behind(client: aiohttp.ClientSession) -> None:
    before = structlog.contextvars.get_contextvars()
    app = RequestContext(create_app(), service="example")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        assert structlog.contextvars.get_contextvars() != before

    scope = {"type": "http", "method": "GET", "path": "/livez", "headers": [], "query_string": b""}
    await app(scope, receive, send)

    assert structlog.contextvars.get_contextvars() == before


async def test_a_body_that_announces_too_much_is_refused_unread(
    client: aiohttp.ClientSession,
) -> None:
    async with client.post("/things", data=io.BytesIO(b"x" * (MAX_BODY + 1))) as answer:
        problem = await answer.json(content_type=None)

    assert (answer.status, problem["code"]) == (413, "body_too_large")
    assert problem["request_id"] == answer.headers["X-Request-Id"]


async def test_a_body_that_announces_nothing_is_cut_off(client: aiohttp.ClientSession) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(4 * MAX_BODY // 65536):
            yield b"x" * 65536
            await asyncio.sleep(0)

    async with client.post("/things", data=endless()) as answer:
        problem = await answer.json(content_type=None)

    assert (answer.status, problem["code"]) == (413, "body_too_large")


async def test_a_body_of_just_the_limit_is_read(client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"title": "x"' + b" " * (MAX_BODY - 14) + b"}"
    async with client.post("/things", data=body, headers=headers) as answer:
        assert answer.status == 201


async def test_a_request_is_one_line_with_the_route_not_the_path(
    client: aiohttp.ClientSession, lines: io.StringIO
) -> None:
    before = measured("GET", "/things/{thing_id}", 200)
    request_id = str(uuid7())
    async with client.get(f"/things/{uuid7()}", headers={"X-Request-Id": request_id}) as answer:
        assert answer.status == 200

    (line,) = logged(lines, request_id)
    assert (line["event"], line["service"], line["method"]) == ("http_request", "example", "GET")
    assert (line["route"], line["status"]) == ("/things/{thing_id}", 200)
    assert line["duration_ms"] >= 0
    assert measured("GET", "/things/{thing_id}", 200) == before + 1


async def test_unknown_paths_and_methods_share_one_name(client: aiohttp.ClientSession) -> None:
    before = measured("GET", "unmatched", 404), measured("other", "/things", 405)
    for method, path in (("GET", "/one"), ("GET", "/two"), ("PROPFIND", "/things")):
        async with client.request(method, path) as answer:
            assert answer.status in (404, 405)

    after = measured("GET", "unmatched", 404), measured("other", "/things", 405)
    assert after == (before[0] + 2, before[1] + 1)


async def test_machines_that_ask_for_health_leave_no_line(
    client: aiohttp.ClientSession, lines: io.StringIO
) -> None:
    async with client.get("/livez", headers={"X-Request-Id": "asked-for-health"}) as answer:
        assert answer.status == 200

    assert logged(lines, "asked-for-health") == []


async def test_a_defect_is_logged_with_its_trace_and_the_request(
    client: aiohttp.ClientSession, lines: io.StringIO
) -> None:
    async with client.get("/broken", headers={"X-Request-Id": "defect"}) as answer:
        assert answer.status == 500

    failed, request = logged(lines, "defect")
    assert (failed["event"], failed["level"]) == ("request_failed", "error")
    assert SECRET_TEXT in failed["exception"]
    assert (request["route"], request["status"]) == ("/broken", 500)


def test_ids_made_here_are_in_order() -> None:
    ids = [uuid7() for _ in range(10_000)]

    assert ids == sorted(set(ids))
