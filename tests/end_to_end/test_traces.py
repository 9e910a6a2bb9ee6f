"""One id finds a request in every process that it went through, and no log tells of a person."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from common.testing.collectors import Collector, collecting
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

LONG = 90
TRACES = {name: f"{n:032x}" for n, name in enumerate(("joining", "making", "leaving"), start=17)}
IRIS = {
    "email": "iris.umbrafold@example.org",
    "username": "umbrafold",
    "name": "Iris Umbrafold",
    "password": "a quarto of vellum and glue",
}
CARD = {
    "name": "Iris Umbrafold",
    "title": "Gilder",
    "email": "iris.umbrafold@example.org",
    "phone": "+44 1632 960417",
    "company": "Umbrafold & Daughters",
    "bio": "Edges gilt by lamplight.",
}


@pytest.fixture(scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def more_environment(collector: Collector) -> dict[str, str]:
    """All processes report to the stand-ins."""
    return collector.environment


async def call(system: Any, id: str, method: str, path: str, **how: Any) -> Any:
    traced = {"X-Request-Id": f"the-{id}", "Traceparent": f"00-{TRACES[id]}-{17:016x}-01"}
    headers = {**traced, **how.pop("headers", {})}
    async with system.session.request(method, path, headers=headers, **how) as answer:
        assert answer.status < 300, (path, await answer.text())
        assert answer.headers["X-Request-Id"] == f"the-{id}"
        return await answer.json() if answer.status != 204 else None


@pytest.fixture(scope="module")
async def tokens(distributed: Any) -> dict[str, Any]:
    """A person who joined, made a card and left; what opened the doors for them."""
    joined: dict[str, Any] = await call(
        distributed, "joining", "POST", "/api/v1/auth/register", json=IRIS
    )
    me = {"Authorization": f"Bearer {joined['access_token']}"}
    await call(distributed, "making", "POST", "/api/v1/cards/", json=CARD, headers=me)
    await eventually(lambda: lines(distributed, "auth.worker", "outbound_call"), within=LONG)
    secret = {"password": IRIS["password"]}
    await call(distributed, "leaving", "DELETE", "/api/v1/auth/me", json=secret, headers=me)
    return joined


async def lines(system: Any, process: str, event: str, id: str = "joining") -> list[dict[str, Any]]:
    """What a process has logged of one kind about one request."""
    return [
        line
        for line in logged(system.processes[process].said())
        if line.get("event") == event and f"the-{id}" in json.dumps(line)
    ]


def logged(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


@pytest.mark.usefixtures("tokens")
async def test_one_id_leads_from_the_request_over_the_relay_to_the_mail(distributed: Any) -> None:
    (request,) = await lines(distributed, "auth.main", "http_request")
    assert request["route"] == "/api/v1/auth/register"
    assert request["request_id"] == request["correlation_id"] == "the-joining"
    assert await lines(distributed, "auth.worker", "messages_published")
    calls = await lines(distributed, "auth.worker", "outbound_call")
    assert "greet_a_new_account" in {call["processor"] for call in calls}
    # each mail's Message-ID is the key of its line; these went with the person
    assert all(call["outcome"] == "done" and call["key"] for call in calls)


@pytest.mark.usefixtures("tokens")
async def test_one_id_leads_from_one_service_over_the_broker_to_another(distributed: Any) -> None:
    handled = await eventually(
        lambda: lines(distributed, "cards.worker", "messages_handled", "leaving"), within=LONG
    )
    assert handled[0]["consumer"] == "cards"
    # what follows there from the message goes on under the same id
    followed = await eventually(
        lambda: lines(distributed, "cards.worker", "messages_published", "leaving"), within=LONG
    )
    assert followed[0]["service"] == "cards"


@pytest.mark.usefixtures("tokens")
async def test_an_id_that_the_gateway_gives_is_the_services_own(distributed: Any) -> None:
    async with distributed.session.get("/api/v1/users/nobody/avatar") as answer:
        given = answer.headers["X-Request-Id"]

    async def found() -> bool:
        return f'"{given}"' in distributed.processes["auth.main"].said()

    assert await eventually(found, within=LONG, what="the gateway's id in the service's log")


@pytest.mark.usefixtures("tokens")
async def test_a_trace_has_a_span_of_each_process_that_the_request_reached(
    collector: Collector,
) -> None:
    async def everywhere() -> bool:
        named = {span.name for span in collector.spans if span.trace_id == TRACES["leaving"]}
        return collector.services_of(TRACES["leaving"]) >= {"auth", "cards"} and named >= {
            "DELETE /api/v1/auth/me",
            "publish auth.account_erased",
            "handle auth.account_erased.v1",
        }

    await eventually(everywhere, within=LONG, what="a span of each")
    assert collector.services_of(TRACES["making"]) >= {"cards"}


async def test_nothing_personal_and_no_secret_stands_in_any_log_or_report(
    distributed: Any, collector: Collector, tokens: dict[str, Any]
) -> None:
    await eventually(
        lambda: lines(distributed, "cards.worker", "messages_handled", "leaving"), within=LONG
    )
    private = {
        *(IRIS["email"], IRIS["username"], "Umbrafold", IRIS["password"], "umbrafold"),
        *(CARD["phone"], CARD["phone"].replace(" ", ""), CARD["bio"], "Gilder"),
        *(tokens["access_token"], tokens["refresh_token"]),
    }
    written = {name: process.said() for name, process in distributed.processes.items()}
    written["reports"] = collector.raw

    found = {(name, word) for name, text in written.items() for word in private if word in text}
    assert found == set()
    silent = {"gateway.main", "billing.main"}  # one says nothing of success, one was asked nothing
    assert {name for name, text in written.items() if not text} <= silent
    assert collector.errors == [], "a journey without errors reports none"
