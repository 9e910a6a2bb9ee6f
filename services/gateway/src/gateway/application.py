"""The gateway put together: one ASGI application out of routes, services and a broker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from common.access_tokens import InternalTokens
from common.broker import Broker
from common.clock import Clock

from gateway.aggregates import Aggregates
from gateway.answers import Answer, Application, Receive, Scope, Send
from gateway.authentication import Authentication
from gateway.breaker import Breaker
from gateway.cached_reads import CachedReads
from gateway.calls import Calls
from gateway.clients import Clients
from gateway.cors import Cors
from gateway.dispatch import Answering, Doors, Gateway, Own, Page
from gateway.edge_cache import EdgeCache
from gateway.forwarding import Upstream
from gateway.guarding import Guarded
from gateway.health import Health
from gateway.hygiene import STRICT_TRANSPORT
from gateway.key_ring import KeyRing
from gateway.lifespan import running, with_lifespan
from gateway.live_events import PATH, LiveEvents
from gateway.live_log import LiveLog
from gateway.news import News
from gateway.openapi import MergedApi
from gateway.overview import AGGREGATES
from gateway.own_api import own_document
from gateway.pages import (
    DOCUMENTATION_ASSETS,
    LINK_ASSETS,
    LINK_PAGES,
    asset,
    documentation,
    link,
)
from gateway.rate_limits import CountsInMemory, CountsInRedis, RateLimits
from gateway.refused_tokens import EndedSessions, RefusedTokens
from gateway.route_tree import RoutesTable
from gateway.routes import Route
from gateway.routes_table import ROUTES
from gateway.settings import GatewaySettings

Loop = Callable[[], Awaitable[None]]


class Edge:
    """The ASGI application. `drain` is for when it is about to be stopped: `/readyz` says no from
    then on, and streams that would never end by themselves do."""

    def __init__(self, app: Application, *drains: Callable[[], None]) -> None:
        self._app = app
        self._drains = drains

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through one lifespan."""
        await self._app(scope, receive, send)

    def drain(self) -> None:
        """See above."""
        for drain in self._drains:
            drain()


def create_gateway(
    *,
    settings: GatewaySettings,
    upstreams: Mapping[str, Upstream],
    broker: Broker,
    clock: Clock,
    routes: Sequence[Route] = ROUTES,
) -> Edge:
    """The ASGI application; its lifespan opens the upstreams and listens to the broker.

    `upstreams` are the services by the names that the routes use; `auth` must be one of them.
    """
    table = RoutesTable(routes)
    cache, log, refused = EdgeCache(max_bytes=settings.cache_bytes), LiveLog(), RefusedTokens(clock)
    secret = settings.internal_secret.get_secret_value()
    ring = KeyRing(upstreams["auth"], clock)
    ends = EndedSessions(upstreams["auth"], secret, refused)
    guarded = _guarded(settings, upstreams)
    calls = Calls(InternalTokens(secret), clock)
    aggregates = Aggregates(guarded, calls, table)
    live = LiveEvents(log, refused, calls, guarded, clock=clock, heartbeat=settings.event_heartbeat)
    health = Health(upstreams, ring=ring, ends=ends, cache=cache, guarded=guarded)
    api = MergedApi(upstreams, table, own_document(AGGREGATES, aggregates.has))
    authentication = Authentication(ring, refused, issuer=settings.token_issuer, clock=clock)
    doors = _doors(settings, authentication)
    reads = CachedReads(cache, clock, max_answer=settings.cache_answer_bytes)
    answering = Answering(_pages(health, api), _own(aggregates, live), guarded, calls, reads)
    news = News(cache, refused, ends, log)
    loops: dict[str, Loop] = {
        "gateway_listener": partial(broker.listen, news.on_message, news.on_connection),
        "gateway_keys": ring.keep_fresh,
        "gateway_ends": ends.keep_known,
    }
    if settings.check_routes:
        loops["gateway_documents"] = api.keep_checked
    gateway = Gateway(table, doors, answering, clock)
    app = with_lifespan(gateway, partial(_life, upstreams, doors.limits, loops))
    return Edge(app, health.drain, live.drain)


def _guarded(settings: GatewaySettings, upstreams: Mapping[str, Upstream]) -> dict[str, Guarded]:
    return {
        name: Guarded(
            name,
            upstream,
            most=settings.upstream_requests,
            breaker=Breaker(pause=settings.breaker_seconds),
        )
        for name, upstream in upstreams.items()
    }


@asynccontextmanager
async def _life(
    upstreams: Mapping[str, Upstream], limits: RateLimits, loops: Mapping[str, Loop]
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(limits.close)
        for upstream in upstreams.values():
            await upstream.start()
            stack.push_async_callback(upstream.close)
        for name, loop in loops.items():
            await stack.enter_async_context(running(name, loop))
        yield


def _doors(settings: GatewaySettings, authentication: Authentication) -> Doors:
    store = settings.rate_limit_url
    counts = CountsInMemory() if store is None else CountsInRedis(store.get_secret_value())
    return Doors(
        Clients(settings.trusted_proxies),
        Cors(settings.cors_origins, credentials=settings.cors_credentials),
        RateLimits(counts, scale=settings.rate_limit_scale),
        authentication,
        # whoever reached us by TLS once comes so for ever; without TLS it would be a lie
        (STRICT_TRANSPORT,) if settings.public_url.startswith("https://") else (),
    )


def _own(aggregates: Aggregates, live: LiveEvents) -> dict[str, Own]:
    gathered = {page.path: partial(aggregates.answer, page) for page in AGGREGATES}
    return {**gathered, PATH: live.answer}


def _pages(health: Health, api: MergedApi) -> dict[str, Page]:
    return {
        "/docs": _always(documentation),
        **{f"/docs/assets/{n}": _always(partial(asset, n)) for n in DOCUMENTATION_ASSETS},
        **{f"/{name}": _always(partial(link, name)) for name in LINK_PAGES},
        **{f"/assets/{name}": _always(partial(asset, name)) for name in LINK_ASSETS},
        "/openapi.json": api.document,
        "/health": health.health,
        "/livez": health.live,
        "/readyz": health.ready,
    }


def _always(answer: Callable[[], Answer]) -> Page:
    async def page() -> Answer:
        return answer()

    return page
