"""Other sites' scripts read what the settings allow them, and no more."""

from functools import partial

import pytest
from common.settings import StartRefused
from gateway.forwarding import InProcessUpstream
from gateway.settings import GatewaySettings

SHOP, EVIL = "https://shop.example", "https://evil.example"
ALLOW = "access-control-allow-origin"


@pytest.fixture
async def shared(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, cors_origins=(SHOP,), cors_credentials=True) as world:
        yield world


async def test_a_named_site_may_read_answers_problems_too_and_another_may_not(shared):
    for path in ("/quick", "/nowhere", "/livez"):
        ours, theirs = await shared.get(path, origin=SHOP), await shared.get(path, origin=EVIL)
        assert ours.headers[ALLOW] == SHOP
        assert ours.headers["access-control-allow-credentials"] == "true"
        assert "ratelimit" in ours.headers["access-control-expose-headers"]
        assert ALLOW not in theirs.headers
        assert ours.headers["vary"] == theirs.headers["vary"] == "origin"


async def test_what_is_kept_for_one_site_is_not_shown_as_anothers(shared):
    shared.service.answers("/plain", cache_tags="a/1", cache_control="public")
    first, second = await shared.get("/plain", origin=SHOP), await shared.get("/plain", origin=EVIL)
    assert "hit" in second.cache
    assert (first.headers[ALLOW], second.headers.get(ALLOW)) == (SHOP, None)


async def test_a_preflight_is_answered_here_and_reaches_no_service(shared):
    got = await shared.ask(
        "OPTIONS",
        "/api/v1/cards/1",
        origin=SHOP,
        access_control_request_method="PATCH",
        access_control_request_headers="if-match",
    )
    assert (got.status, got.body, got.headers[ALLOW]) == (204, b"", SHOP)
    assert "PATCH" in got.headers["access-control-allow-methods"]
    assert "if-match" in got.headers["access-control-allow-headers"]
    assert shared.service.calls == []


async def test_without_the_setting_no_site_may_and_options_is_no_method(world):
    got = await world.get("/quick", origin=SHOP)
    assert ALLOW not in got.headers
    asked = {"origin": SHOP, "access_control_request_method": "GET"}
    assert (await world.ask("OPTIONS", "/quick", **asked)).code == "method_not_allowed"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"cors_origins": ["*"], "cors_credentials": True}, "CORS_ORIGINS"),
        ({"cors_origins": ["shop.example"]}, "CORS_ORIGINS"),
        ({"cors_origins": ["https://shop.example/"]}, "CORS_ORIGINS"),
        ({"trusted_proxies": ["everybody"]}, "TRUSTED_PROXIES"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "TRUSTED_PROXIES"),
        ({"rate_limit_url": "memcached://x"}, "RATE_LIMIT_URL"),
        ({"rate_limit_scale": -1}, "RATE_LIMIT_SCALE"),
    ],
)
def test_settings_that_would_open_a_door_are_refused_at_the_start(settings, named):
    with pytest.raises(StartRefused, match=named):
        GatewaySettings.load(**settings)


async def test_every_site_may_be_named_without_credentials(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, cors_origins=("*",)) as world:
        got = await world.get("/quick", origin=EVIL)
        assert (got.headers[ALLOW], got.headers.get("vary")) == ("*", None)
