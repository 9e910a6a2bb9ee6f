"""Only what the table names can be reached, and nobody reaches it in another's name."""

import orjson
import pytest
from yarl import URL


async def test_an_unknown_address_is_a_404_problem_and_reaches_no_service(world):
    got = await world.get("/api/v1/secrets")
    assert (got.status, got.code) == (404, "not_found")
    assert world.service.calls == []


async def test_a_method_that_the_table_does_not_name_is_405_with_allow(world):
    got = await world.ask("PUT", "/api/v1/auth/login")
    assert (got.status, got.code) == (405, "method_not_allowed")
    assert got.headers["allow"] == "POST"


async def test_pages_of_the_gateway_itself_are_read_only(world):
    got = await world.ask("POST", "/health")
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/auth/login", "/api/v1/auth/login"),
        ("/api/v1/auth/login", "/api/v1/auth/login"),
    ],
)
async def test_an_alias_reaches_the_same_service_path(world, asked, reached):
    await world.ask("POST", asked, data=b"{}")
    assert [seen.path for seen in world.service.calls] == [reached]


async def test_the_slash_after_a_list_is_optional(world):
    token = world.token()
    await world.get("/api/v1/cards", token)
    await world.get("/api/v1/cards/", token)
    assert [seen.path for seen in world.service.calls] == ["/api/v1/cards/"] * 2


@pytest.mark.parametrize(
    "path",
    [
        "/view/..",
        "/view/%2e%2e",
        "/view/a%20b",
        "/view/a%00b",
        "/view//",
        "/view/",
        "//view/x",
        "/view/" + "x" * 129,
        "/api/v1/cards/x/qr/y",
    ],
)
async def test_a_segment_of_strange_characters_matches_nothing(world, path):
    async with world.client.get(URL(world.url + path, encoded=True)) as got:
        assert got.status == 404
    assert world.service.calls == []


async def test_an_encoded_path_is_matched_and_forwarded_in_one_form(world):
    async with world.client.get(URL(world.url + "/view/%61bc", encoded=True)) as got:
        assert got.status == 200
    assert [seen.path for seen in world.service.calls] == ["/view/abc"]


async def test_only_known_query_names_pass_in_one_order(world):
    await world.get("/api/v1/cards/x/qr?scale=4&evil=1&format=svg&Format=png")
    assert [seen.query for seen in world.service.calls] == ["format=svg&scale=4"]


async def test_head_is_answered_like_get_without_a_body(world):
    world.service.answers("/plain", b"four")
    got = await world.ask("HEAD", "/plain")
    assert (got.status, got.headers["content-length"], got.body) == (200, "4", b"")


async def test_a_problem_names_request_and_address(world):
    got = await world.get("/nowhere", x_request_id="abc-1")
    problem = orjson.loads(got.body)
    assert problem["instance"] == "/nowhere"
    assert problem["request_id"] == got.headers["x-request-id"] == "abc-1"
    assert problem["error"] == problem["detail"]
