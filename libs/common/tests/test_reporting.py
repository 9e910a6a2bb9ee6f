"""Sentry and OpenTelemetry over their own protocols, and silence where no address is set."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from common.testing.collectors import Collector, collecting
from common.testing.example_service import SECRET_TEXT
from common.testing.processes import Process, forked, free_port, process
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
LIBRARIES = ("sentry_sdk", "opentelemetry.sdk", "google.protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


@asynccontextmanager
async def example(
    environment: dict[str, str], folder: Path
) -> AsyncIterator[tuple[aiohttp.ClientSession, Process]]:
    port = free_port()
    arguments = ["common.testing.example_service"]
    settings = {"PORT": str(port), **environment}
    with forked(arguments, settings, folder / "output.txt") as running:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:

            async def answers() -> bool:
                async with client.get("/livez") as answer:
                    return answer.status == 200

            await eventually(answers, within=60, what="the service")
            yield client, running


async def fail(client: aiohttp.ClientSession) -> None:
    headers = {"X-Request-Id": "a-request", "Traceparent": TRACEPARENT, "Cookie": "sid=secret"}
    async with client.get("/broken?email=ada@example.org", headers=headers) as answer:
        assert answer.status == 500


async def test_an_error_and_a_span_are_sent_and_nothing_that_quotes_a_person(
    collector: Collector, tmp_path: Path
) -> None:
    async with example(collector.environment, tmp_path) as (client, _):
        await fail(client)

        async def both() -> bool:
            return bool(collector.errors and collector.services_of(TRACE))

        await eventually(both, within=60, what="an error and a span")

    (error,) = collector.errors
    assert error["exception"]["values"][-1]["type"] == "RuntimeError"
    assert error["tags"]["correlation_id"] == "a-request"
    assert error["server_name"] == "example"
    (span,) = [span for span in collector.spans if span.trace_id == TRACE]
    assert (span.service, span.name, span.parent_id) == (
        "example",
        "GET /broken",
        "b7ad6b7169203331",
    )
    for private in (SECRET_TEXT, "ada@example.org", "sid=secret", "public@"):
        assert private not in collector.raw, private


async def test_collectors_that_are_away_cost_no_request(tmp_path: Path) -> None:
    nowhere = Collector(f"http://127.0.0.1:{free_port()}").environment
    async with example(nowhere, tmp_path) as (client, running):
        await fail(client)
        async with client.get("/livez") as answer:
            assert answer.status == 200
        assert running.stop(patience=60) == 0


@pytest.mark.parametrize("dsn", ["nonsense", "http://127.0.0.1/1"])
def test_an_address_that_is_none_is_refused_without_showing_it(dsn: str, tmp_path: Path) -> None:
    arguments = ["common.testing.example_service"]
    with forked(arguments, {"SENTRY_DSN": dsn}, tmp_path / "output.txt") as running:
        assert running.child.wait(60) == 1

    assert running.said().strip() == "cannot start: SENTRY_DSN: is not understood"


def test_where_nothing_is_set_nothing_is_even_loaded(tmp_path: Path) -> None:
    script = (
        "import sys, json, common.kernel_service, common.worker, common.relay;"
        "print(json.dumps([name for name in sys.modules]))"
    )
    with process(["-c", script], {}, tmp_path / "output.txt") as running:
        running.child.wait(60)
    loaded = json.loads(running.said())

    assert [name for name in loaded if name.startswith(LIBRARIES)] == []
