"""Every error over real HTTP: one shape, a stable code, no inner text."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from common.problem_responses import CONTENT_TYPE, Problem, problem_body, status_of
from common.problems import Refusal
from common.testing.example_service import KINDS, SECRET_TEXT, create_app
from common.testing.http import served
from common.testing.logs import json_log

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    with json_log():
        async with served(create_app()) as client:
            yield client


async def problem_of(
    client: aiohttp.ClientSession, method: str, path: str, **more: Any
) -> tuple[Problem, aiohttp.ClientResponse]:
    async with client.request(method, path, **more) as answer:
        assert answer.content_type == CONTENT_TYPE
        problem = Problem.model_validate_json(await answer.read())
        assert problem.status == answer.status
        assert problem.request_id == answer.headers["X-Request-Id"]
        assert problem.error == problem.detail
        assert problem.type == f"/problems/{problem.code}"
        assert problem.instance == path.partition("?")[0]
        return problem, answer


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid", 422),
        ("unauthenticated", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("precondition_failed", 412),
        ("too_many_requests", 429),
        ("unavailable", 503),
    ],
)
async def test_a_refusal_has_the_status_of_its_kind(
    client: aiohttp.ClientSession, code: str, status: int
) -> None:
    problem, answer = await problem_of(client, "GET", f"/refusals/{code}")

    assert (problem.status, problem.code, problem.detail) == (status, code, KINDS[code].detail)
    assert [error.pointer for error in problem.errors] == ["/a"]
    assert (answer.headers.get("WWW-Authenticate") == "Bearer") == (status == 401)
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


async def test_a_defect_is_told_without_its_text(client: aiohttp.ClientSession) -> None:
    problem, _ = await problem_of(client, "GET", "/broken")

    assert (problem.status, problem.code) == (500, "internal_error")
    assert SECRET_TEXT not in problem.model_dump_json()


async def test_a_defect_after_half_an_answer_cuts_the_connection(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/half") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_wrong_fields_are_named_by_json_pointers(client: aiohttp.ClientSession) -> None:
    problem, _ = await problem_of(client, "POST", "/things", json={"sizes": [1, "two"]})

    assert (problem.status, problem.code) == (422, "invalid")
    assert {(e.pointer, e.code) for e in problem.errors} == {
        ("/title", "missing"),
        ("/sizes/1", "int_parsing"),
    }


async def test_half_a_surrogate_pair_is_a_wrong_field(client: aiohttp.ClientSession) -> None:
    body = rb'{"title": "\ud800", "sizes": []}'
    problem, _ = await problem_of(client, "POST", "/things", data=body, headers=JSON)

    assert (problem.status, [e.pointer for e in problem.errors]) == (422, ["/title"])


async def test_a_malformed_id_is_not_found(client: aiohttp.ClientSession) -> None:
    for method in ("GET", "PATCH"):
        problem, _ = await problem_of(client, method, "/things/no-uuid")
        assert (problem.status, problem.code) == (404, "not_found")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe{", b"[" * 100_000, b'{"title": NaN'])
async def test_a_body_that_is_no_json_is_malformed(
    client: aiohttp.ClientSession, body: bytes
) -> None:
    problem, _ = await problem_of(client, "POST", "/things", data=body, headers=JSON)

    assert (problem.status, problem.code) == (400, "malformed_json")


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_kind_is_unsupported(
    client: aiohttp.ClientSession, sent: str
) -> None:
    headers = {"Content-Type": sent}
    problem, _ = await problem_of(client, "POST", "/things", data=b"{}", headers=headers)

    assert (problem.status, problem.code) == (415, "unsupported_media_type")


async def test_an_unknown_address_and_an_unknown_method_are_problems(
    client: aiohttp.ClientSession,
) -> None:
    unknown, _ = await problem_of(client, "GET", "/nowhere")
    assert unknown.code == "not_found"

    unfit, answer = await problem_of(client, "DELETE", "/things")
    assert unfit.code == "method_not_allowed"
    assert "Allow" in answer.headers


async def test_a_missing_slash_is_not_redirected(client: aiohttp.ClientSession) -> None:
    problem, _ = await problem_of(client, "GET", f"/things/{uuid4()}/")

    assert problem.status == 404


def test_a_problem_can_be_built_without_a_framework() -> None:
    document = json.loads(problem_body(504, "Too slow.", instance="/x", request_id="r"))

    assert document == {
        "type": "/problems/upstream_timeout",
        "title": "Gateway Timeout",
        "status": 504,
        "detail": "Too slow.",
        "instance": "/x",
        "code": "upstream_timeout",
        "request_id": "r",
        "errors": [],
        "error": "Too slow.",
    }


def test_a_refusal_of_no_kind_is_still_a_problem() -> None:
    assert status_of(Refusal()) == 400
