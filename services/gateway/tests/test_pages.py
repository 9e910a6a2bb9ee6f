"""The gateway's own pages work, and send nobody elsewhere."""

import re
from uuid import uuid4

import orjson
from gateway.pages import landing


async def test_the_merged_document_is_served_and_kept(world):
    path = {"get": {"operationId": "view", "responses": {}}}
    document = {"openapi": "3.1.0", "paths": {"/view/{card_id}": path, "/metrics": path}}
    world.service.answers("/openapi.json", orjson.dumps(document))
    first, second = await world.get("/openapi.json"), await world.get("/openapi.json")
    assert orjson.loads(first.body)["paths"].keys() == {"/view/{card_id}"}
    assert first.body == second.body
    assert len(world.service.asked("/openapi.json")) == 2  # auth and cards, once each


async def test_the_document_is_served_without_a_service_that_talks_nonsense(world):
    world.service.answers("/openapi.json", b"nonsense")
    got = await world.get("/openapi.json")
    assert (got.status, orjson.loads(got.body)["paths"]) == (200, {})


async def test_the_documentation_loads_all_it_needs_from_here(world):
    page = await world.get("/docs")
    needed = re.findall(rb'(?:src|href)="([^"]+)"', page.body)
    assert len(needed) == 4
    for address in needed:
        got = await world.get(address.decode())
        assert got.status == 200
        assert got.body
        again = await world.get(address.decode(), if_none_match=got.headers["etag"])
        assert (again.status, again.body) == (304, b"")


async def test_pages_allow_no_other_host_and_no_inline_script(world):
    for path in ("/", "/docs"):
        got = await world.get(path)
        policy = got.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
        assert b"//" not in got.body.replace(b"<!doctype", b"")
        assert b"<script>" not in got.body


def test_the_front_door_shows_the_demo_card_if_there_is_one():
    id = uuid4()
    assert f'href="/view/{id}"'.encode() in landing(id).body
    assert b"/view/" not in landing(None).body


async def test_health_live_and_ready_say_so(world):
    health = await world.get("/health")
    assert orjson.loads(health.body) == {
        "status": "ok",
        "parts": {"auth": "ok", "cards": "ok", "messages": "ok"},
    }
    assert [(await world.get(p)).status for p in ("/livez", "/readyz")] == [200, 200]


async def test_without_messages_the_system_is_degraded_and_serves(world):
    world.exchange.connection(False)
    got = await world.get("/health")
    assert (got.status, orjson.loads(got.body)["status"]) == (200, "degraded")
    world.exchange.connection(True)


async def test_metrics_are_not_public(world):
    assert (await world.get("/metrics")).status == 404
