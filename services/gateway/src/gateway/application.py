"""The gateway put together: one ASGI application out of routes, services and a broker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from common.access_tokens import InternalTokens
from common.broker import Broker
from common.clock import Clock

from gateway.answers import Answer, Application
from gateway.authentication import Authentication
from gateway.billing_routes import BILLING_ROUTES
from gateway.cached_reads import CachedReads
from gateway.dispatch import Gateway, Page
from gateway.edge_cache import EdgeCache
from gateway.forwarding import Upstream
from gateway.health import Health
from gateway.key_ring import KeyRing
from gateway.lifespan import running, with_lifespan
from gateway.news import News
from gateway.openapi import MergedApi
from gateway.pages import (
    DOCUMENTATION_ASSETS,
    LINK_ASSETS,
    LINK_PAGES,
    asset,
    documentation,
    link,
)
from gateway.refused_tokens import EndedSessions, RefusedTokens
from gateway.routes_table import ROUTES, Route, RoutesTable
from gateway.settings import GatewaySettings

Loop = Callable[[], Awaitable[None]]


def create_gateway(
    *,
    settings: GatewaySettings,
    upstreams: Mapping[str, Upstream],
    broker: Broker,
    clock: Clock,
    routes: Sequence[Route] = (*ROUTES, *BILLING_ROUTES),
) -> Application:
    """The ASGI application; its lifespan opens the upstreams and listens to the broker.

    `upstreams` are the services by the names that the routes use; `auth` must be one of them.
    """
    table = RoutesTable(routes)
    cache = EdgeCache(max_bytes=settings.cache_bytes)
    ring = KeyRing(upstreams["auth"], clock)
    secret = settings.internal_secret.get_secret_value()
    refused = RefusedTokens(clock)
    ends = EndedSessions(upstreams["auth"], secret, refused)
    authentication = Authentication(ring, refused, issuer=settings.token_issuer, clock=clock)
    health = Health(upstreams, ring=ring, ends=ends, cache=cache)
    gateway = Gateway(
        table=table,
        pages=_pages(health, MergedApi(upstreams, table)),
        upstreams=upstreams,
        authentication=authentication,
        tokens=InternalTokens(secret),
        reads=CachedReads(cache, clock, max_answer=settings.cache_answer_bytes),
        clock=clock,
    )
    news = News(cache, refused, ends)
    loops: dict[str, Loop] = {
        "gateway_listener": partial(broker.listen, news.on_message, news.on_connection),
        "gateway_keys": ring.keep_fresh,
        "gateway_ends": ends.keep_known,
    }
    return with_lifespan(gateway, partial(_life, upstreams, loops))


@asynccontextmanager
async def _life(
    upstreams: Mapping[str, Upstream], loops: Mapping[str, Loop]
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for upstream in upstreams.values():
            await upstream.start()
            stack.push_async_callback(upstream.close)
        for name, loop in loops.items():
            await stack.enter_async_context(running(name, loop))
        yield


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
