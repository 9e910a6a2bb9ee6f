"""The twin as an ASGI application: the API, the pages, the controls, and its background work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from stripe_twin import endpoints, idempotency
from stripe_twin.api import answer
from stripe_twin.control import control, do_what_is_due
from stripe_twin.deliveries import Deliveries
from stripe_twin.pages import challenge, checkout_page, home
from stripe_twin.twin import Twin

TICK_SECONDS = 0.5
EVENTS_KEPT = 30 * 86_400


def create_twin(
    path: Path | None = None,
    webhooks: Sequence[tuple[str, str]] = (),
    *,
    public_url: str | None = None,
) -> Starlette:
    """An account that remembers in the SQLite file `path`, or only while it runs.

    `webhooks` are addresses and secrets of endpoints that exist from the start, `public_url` is
    where people reach the pages if that is not where the API is asked.
    """
    twin = _remembered(path, webhooks)
    twin.public_url = public_url
    deliveries = Deliveries(twin)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(deliveries.run()), asyncio.create_task(_as_time_goes(twin))]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(OSError):
            twin.store.close()

    app = Starlette(
        routes=[
            Route("/v1/{path:path}", answer, methods=["GET", "POST", "DELETE"]),
            Route("/_twin/{action}", control, methods=["GET", "POST"]),
            Route("/c/{id}", checkout_page, methods=["GET", "POST"]),
            Route("/3ds/{id}", challenge, methods=["GET", "POST"]),
            Route("/", home),
        ],
        lifespan=lifespan,
    )
    app.state.twin = twin
    app.state.deliveries = deliveries
    return app


def _remembered(path: Path | None, webhooks: Sequence[tuple[str, str]]) -> Twin:
    twin = Twin.on(path)
    idempotency.forget_unfinished(twin)
    _forget_old(twin)
    _endpoints(twin, webhooks)
    return twin


def _endpoints(twin: Twin, webhooks: Sequence[tuple[str, str]]) -> None:
    wanted = dict(webhooks)
    for endpoint in twin.store.all(endpoints.KIND):
        if not endpoint.get("_given"):
            continue
        if wanted.get(endpoint["url"]) == endpoint["_secrets"][0]:
            wanted.pop(endpoint["url"])
        else:
            twin.store.remove(endpoint)  # of an earlier start, which was elsewhere
    for url, secret in wanted.items():
        endpoint = endpoints.add(twin, url, secret, ["*"])
        endpoint["_given"] = True
        twin.store.put(endpoint)
    twin.store.save()


def _forget_old(twin: Twin) -> None:
    """Events are kept for thirty days, as there; what was delivered needs no memory at all."""
    now = twin.clock.now()
    for event in twin.store.all("event"):
        if event["created"] < now - EVENTS_KEPT:
            twin.store.remove(event)
    for delivery in twin.store.all("_delivery"):
        if delivery["state"] == "delivered":
            twin.store.remove(delivery)
    idempotency.forget_old(twin)
    twin.store.save()


async def _as_time_goes(twin: Twin) -> None:
    while True:
        if do_what_is_due(twin):
            twin.store.save()
        await asyncio.sleep(TICK_SECONDS)
