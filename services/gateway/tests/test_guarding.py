"""A service that fails is left alone for a while, and one that is busy is not made busier."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

import orjson
from common.testing.waiting import eventually
from gateway.breaker import Breaker
from gateway.forwarding import InProcessUpstream, UpstreamUnavailable
from gateway.http_forwarding import HttpUpstream
from gateway.routes import GET, POST, Access, Route
from gateway.routes_table import ROUTES
from hypothesis import given
from hypothesis import strategies as st

READERS = (*ROUTES, Route("billing", GET, "/stream", Access.ANYONE))


def failing(times, at=0.0):
    breaker = Breaker(failures=3, pause=5.0)
    for _ in range(times):
        breaker.failed(at)
    return breaker


def test_a_breaker_opens_after_failures_without_a_success_between():
    breaker = failing(2)
    breaker.succeeded()
    breaker.failed(0)
    assert (breaker.state, breaker.lets_in(0)) == ("closed", True)
    assert (failing(3).state, failing(3).lets_in(4.9), failing(3).wait(1)) == ("open", False, 4.0)


def test_after_the_pause_one_request_asks_and_decides():
    breaker = failing(3)
    assert (breaker.lets_in(5), breaker.state) == (True, "half-open")
    assert not breaker.lets_in(5)
    breaker.failed(6)
    assert (breaker.lets_in(10.9), breaker.lets_in(11)) == (False, True)
    breaker.succeeded()
    assert (breaker.state, breaker.lets_in(11)) == ("closed", True)


def test_a_request_that_ended_without_telling_leaves_the_asking_to_another():
    breaker = failing(3)
    assert breaker.lets_in(5)
    breaker.unknown()
    assert breaker.lets_in(5)


@given(st.lists(st.sampled_from(["failed", "succeeded", "unknown", "ask"])))
def test_any_breaker_lets_somebody_in_once_its_pause_is_over(happened):
    breaker, now, asking = Breaker(failures=2, pause=1.0), 0.0, False
    for what in happened:
        now += 0.1
        if what == "ask":
            asking = breaker.lets_in(now) or asking
        elif what == "failed":
            breaker.failed(now)
        else:
            getattr(breaker, what)()
    breaker.unknown()  # whoever asked has ended
    assert breaker.lets_in(now + 1.0)


class Upstream:
    """Away as long as a test says so."""

    def __init__(self, service):
        self.calls, self.away, self._there = 0, True, InProcessUpstream(service)

    async def start(self):
        """Nothing to make."""

    async def close(self):
        """Nothing to let go of."""

    async def forward(self, call, inbound, send):
        """Count and refuse, or answer."""
        if call.path != "/readyz":
            self.calls += 1
        if self.away:
            raise UpstreamUnavailable
        await self._there.forward(call, inbound, send)


async def test_a_service_that_only_fails_is_not_asked_and_health_says_so(service, before):
    cards = Upstream(service)
    auth = partial(InProcessUpstream, service)
    async with before(auth, service, cards=lambda: cards, breaker_seconds=600) as world:
        for _ in range(15):
            got = await world.get("/quick")
            assert (got.status, got.code) == (503, "upstream_unavailable")
        assert cards.calls == 10
        assert 1 <= int(got.headers["retry-after"]) <= 600
        assert (await world.get("/api/v1/auth/me", world.token())).status == 200  # others go on

        async def told():
            health = orjson.loads((await world.get("/health")).body)
            return health["breakers"] == {"auth": "closed", "billing": "closed", "cards": "open"}

        await eventually(told, what="the breaker in /health")


async def test_a_service_that_is_back_is_asked_again_after_the_pause(service, before):
    cards = Upstream(service)
    auth = partial(InProcessUpstream, service)
    async with before(auth, service, cards=lambda: cards, breaker_seconds=0.2) as world:
        for _ in range(10):
            assert (await world.get("/quick")).status == 503
        cards.away = False

        async def back():
            return (await world.get("/quick")).status == 200

        await eventually(back, what="the service after the pause")
        assert (await world.get("/quick")).status == 200


class Crowd:
    """Clients of a service that answers none of them before it is told to."""

    def __init__(self, service):
        self.arrived, self.go_on = asyncio.Semaphore(0), asyncio.Event()
        service.raw["/stream"] = self.wait

    async def wait(self, scope, receive, send):
        self.arrived.release()
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    @asynccontextmanager
    async def of(self, number, world):
        """So many of them wait meanwhile, and are served afterwards."""
        clients = [asyncio.create_task(world.get("/stream")) for _ in range(number)]
        for _ in clients:
            await self.arrived.acquire()
        yield
        self.go_on.set()
        assert {got.status for got in await asyncio.gather(*clients)} == {204}


def shed(got):
    return (got.status, got.code, got.headers["retry-after"]) == (503, "overloaded", "1")


async def test_as_many_requests_as_a_service_takes_are_under_way_and_no_more(service, before):
    crowd, upstream = Crowd(service), partial(InProcessUpstream, service)
    async with before(upstream, service, upstream_requests=2) as world:
        async with crowd.of(2, world):
            assert shed(await world.get("/quick"))
            assert (await world.get("/api/v1/auth/me", world.token())).status == 200
        assert (await world.get("/quick")).status == 200


async def test_a_crowd_of_readers_leaves_room_for_money_and_for_nobody_else(service, before):
    # six may be under way, one of them kept back; and the pool has room for the crowd alone
    crowd, upstream = Crowd(service), partial(HttpUpstream, service.url, connections=5)
    limits = {"upstream_requests": 6, "rate_limit_scale": 0}
    async with before(upstream, service, routes=READERS, **limits) as world:
        async with crowd.of(5, world):
            assert shed(await world.get("/api/v1/user/invoices", world.token()))
            for path in ("/api/v1/stripe/webhook", "/api/v1/user/checkout"):
                assert (await world.ask("POST", path, world.token(), data=b"{}")).status == 200
        assert (await world.get("/api/v1/user/invoices", world.token())).status == 200


def test_what_moves_money_is_critical_and_no_read_is():
    critical = {route.path for route in ROUTES if route.critical}
    assert {"/api/v1/stripe/webhook", "/api/v1/user/checkout"} <= critical
    assert all(route.methods == POST for route in ROUTES if route.critical)
