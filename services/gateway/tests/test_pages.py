"""The gateway's own pages work, and send nobody elsewhere."""

import re

import orjson

OWN = {"/api/v1/me/events", "/api/v1/me/overview", "/api/v1/dashboard/metrics"}


async def test_the_merged_document_is_served_and_kept(world):
    path = {"get": {"operationId": "view", "responses": {}}}
    document = {"openapi": "3.1.0", "paths": {"/view/{card_id}": path, "/metrics": path}}
    world.service.answers("/openapi.json", orjson.dumps(document))
    first, second = await world.get("/openapi.json"), await world.get("/openapi.json")
    assert orjson.loads(first.body)["paths"].keys() == OWN | {"/view/{card_id}"}
    assert first.body == second.body
    assert len(world.service.asked("/openapi.json")) == 3  # auth, billing and cards, once each


async def test_the_document_is_served_without_a_service_that_talks_nonsense(world):
    world.service.answers("/openapi.json", b"nonsense")
    got = await world.get("/openapi.json")
    assert (got.status, orjson.loads(got.body)["paths"].keys()) == (200, OWN)


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
    got = await world.get("/docs")
    policy = got.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert b"//" not in got.body.replace(b"<!doctype", b"")
    assert b"<script>" not in got.body


async def test_the_front_door_is_a_page_of_cards_and_kept(world):
    world.service.answers("/", b"landing", cache_tags="card/1", cache_control="public", etag='"1"')
    first, second = await world.get("/"), await world.get("/")
    assert (first.body, second.body) == (b"landing", b"landing")
    assert len(world.service.asked("/")) == 1


async def test_what_counts_a_visitor_is_never_answered_from_the_cache(world):
    for path in ("/view/a/seen.gif", "/view/a/contact.vcf", "/view/a/go/0123456789ab"):
        world.service.answers(path, b"x", cache_tags="card/1", cache_control="public", etag='"1"')
        await world.get(path)
        await world.get(path)
        assert len(world.service.asked(path)) == 2


async def test_health_live_and_ready_say_so(world):
    health = await world.get("/health")
    assert orjson.loads(health.body) == {
        "status": "ok",
        "parts": {"auth": "ok", "billing": "ok", "cards": "ok", "messages": "ok"},
        "breakers": {"auth": "closed", "billing": "closed", "cards": "closed"},
    }
    assert [(await world.get(p)).status for p in ("/livez", "/readyz")] == [200, 200]


async def test_without_messages_the_system_is_degraded_and_serves(world):
    world.exchange.connection(False)
    got = await world.get("/health")
    assert (got.status, orjson.loads(got.body)["status"]) == (200, "degraded")
    world.exchange.connection(True)


async def test_metrics_are_not_public(world):
    assert (await world.get("/metrics")).status == 404
