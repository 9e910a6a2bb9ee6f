"""Who asks too often is told exactly what is left and when there is more."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import redis
from common.ids import uuid7
from common.testing.processes import free_port
from common.testing.redis import redis_server
from common.testing.waiting import eventually
from gateway.forwarding import InProcessUpstream
from gateway.rate_limits import (
    MOST_KEYS,
    CountsInMemory,
    CountsInRedis,
    LimitsAway,
    RateLimited,
    RateLimits,
    household,
)
from gateway.routes import POST, Access, Per, RateLimit, Route

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
THREE = RateLimit("three", 3)
MINE = RateLimit("mine", 2, per=Per.ACCOUNT)
ROUTES = (
    Route("cards", POST, "/limited", Access.ANYONE, limit=THREE),
    Route("cards", POST, "/also", Access.ANYONE, limit=THREE),
    Route("cards", POST, "/mine", Access.USER, limit=MINE),
)


def told(got):
    return {n: got.headers.get(n) for n in ("ratelimit-policy", "ratelimit", "retry-after")}


@pytest.fixture
async def limited(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, routes=ROUTES, trusted_proxies=("127.0.0.1",)) as world:
        yield world


async def test_every_limited_answer_says_what_is_left_and_until_when(limited):
    policy = '"three";q=3;w=60'
    for left, reset in ((2, 60), (1, 50), (0, 40)):
        got = await limited.ask("POST", "/limited")
        assert got.status == 200
        assert told(got) == {
            "ratelimit-policy": policy,
            "ratelimit": f'"three";r={left};t={reset}',
            "retry-after": None,
        }
        limited.clock.advance(timedelta(seconds=10))
    refused = await limited.ask("POST", "/limited")
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert told(refused) == {
        "ratelimit-policy": policy,
        "ratelimit": '"three";r=0;t=30',
        "retry-after": "30",
    }
    assert len(limited.service.calls) == 3


async def test_retry_after_is_neither_too_early_nor_too_late(limited):
    for _ in range(3):
        await limited.ask("POST", "/limited")
    wait = int((await limited.ask("POST", "/limited")).headers["retry-after"])
    limited.clock.advance(timedelta(seconds=wait) - timedelta(milliseconds=1))
    assert (await limited.ask("POST", "/limited")).status == 429
    limited.clock.advance(timedelta(milliseconds=1))
    assert (await limited.ask("POST", "/limited")).status == 200


async def test_routes_with_one_limit_share_it_and_addresses_do_not(limited):
    for path in ("/limited", "/also", "/limited"):
        await limited.ask("POST", path, x_forwarded_for="192.0.2.1")
    assert (await limited.ask("POST", "/also", x_forwarded_for="192.0.2.1")).status == 429
    assert (await limited.ask("POST", "/also", x_forwarded_for="192.0.2.2")).status == 200


async def test_an_account_is_counted_wherever_it_comes_from(limited):
    mine, yours = limited.token(uuid7()), limited.token(uuid7())
    for place in ("192.0.2.1", "192.0.2.2"):
        assert (await limited.ask("POST", "/mine", mine, x_forwarded_for=place)).status == 200
    assert (await limited.ask("POST", "/mine", mine, x_forwarded_for="192.0.2.3")).status == 429
    assert (await limited.ask("POST", "/mine", yours)).status == 200


async def test_a_service_that_limits_too_is_heard_beside_the_gateway(limited):
    limited.service.answers("/limited", ratelimit='"login";r=4;t=12')
    async with limited.client.post(limited.url + "/limited") as got:
        said = got.headers.getall("ratelimit")
    assert said == ['"login";r=4;t=12', '"three";r=2;t=60']


async def test_a_setting_scales_the_limits_or_switches_them_off(service, before):
    upstream = partial(InProcessUpstream, service)
    async with before(upstream, service, routes=ROUTES, rate_limit_scale=2) as world:
        assert told(await world.ask("POST", "/limited"))["ratelimit"] == '"three";r=5;t=60'
    async with before(upstream, service, routes=ROUTES, rate_limit_scale=0) as world:
        answers = [await world.ask("POST", "/limited") for _ in range(5)]
        assert {(got.status, got.headers.get("ratelimit")) for got in answers} == {(200, None)}


async def test_memory_is_bounded_and_forgets_whom_it_saw_longest_ago():
    counts = CountsInMemory()
    await counts.take("first", 1, 60, NOON)
    for n in range(MOST_KEYS):
        await counts.take(str(n), 1, 60, NOON)
    assert (await counts.take("first", 1, 60, NOON)).within
    assert not (await counts.take(str(MOST_KEYS - 1), 1, 60, NOON)).within


def test_an_ipv6_household_is_one():
    assert household("2001:db8::1") == household("2001:db8::ffff") != household("2001:db8:1::1")
    assert household("192.0.2.1") != household("192.0.2.2")
    assert household("") == ""


async def answers(port):
    with redis.Redis(port=port) as client:
        try:
            return client.ping()
        except redis.ConnectionError:
            return False


@pytest.mark.integration
async def test_gateways_that_share_redis_count_together_and_its_absence_opens_or_closes():
    port, now = free_port(), partial(datetime.now, UTC)
    closed = RateLimit("closed", 3, fails_closed=True)
    one, other = (RateLimits(CountsInRedis(f"redis://127.0.0.1:{port}/0")) for _ in range(2))
    with redis_server(port):
        await eventually(partial(answers, port), what="redis")
        told = [dict(await gate.admit(THREE, "x", now())) for gate in (one, other, one)]
        assert [headers[b"ratelimit"].split(b";")[1] for headers in told] == [
            b"r=2",
            b"r=1",
            b"r=0",
        ]
        with pytest.raises(RateLimited) as refused:
            await other.admit(THREE, "x", now())
        assert 1 <= int(dict(refused.value.headers)[b"retry-after"]) <= 60
        together = [other.admit(closed, "y", now()) for _ in range(10)]
        results = await asyncio.gather(*together, return_exceptions=True)
        assert sum(isinstance(result, RateLimited) for result in results) == 7
    assert await one.admit(THREE, "x", now()) == ()
    with pytest.raises(LimitsAway):
        await one.admit(closed, "x", now())
    with redis_server(port):
        await eventually(partial(answers, port), what="redis")
        assert await one.admit(closed, "x", now())
    for gate in (one, other):
        await gate.close()
