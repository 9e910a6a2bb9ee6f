"""Payments without an account: a twin of Stripe beside the embedded run, on a port of its own."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import uvicorn
from stripe_twin.application import create_twin

from cartulary.layout import Layout

WEBHOOK = "/api/v1/stripe/webhook"


@dataclass(frozen=True)
class Payments:
    """Who moves the money in this run: what billing must be told of it, and for people."""

    told: str
    settings: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def payments(layout: Layout, internal_secret: str) -> AsyncIterator[Payments]:
    """The twin while this runs; the real account instead if STRIPE_SECRET_KEY is set."""
    if os.environ.get("STRIPE_SECRET_KEY"):
        yield Payments("your account at Stripe")
        return
    listener = _listen(layout)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # made from what the run keeps, so that what is on its way at a stop still holds after it
    secret = f"whsec_{blake2b(internal_secret.encode(), person=b'stripe twin').hexdigest()[:48]}"
    app = create_twin(layout.var / "stripe.sqlite", [(layout.url + WEBHOOK, secret)])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # `serve` would take over the signals, which belong to the gateway's server
    await server.startup(sockets=[listener])
    try:
        settings = {
            "stripe_secret_key": "sk_test_twin",
            "stripe_publishable_key": "pk_test_twin",
            "stripe_webhook_secrets": secret,
            "stripe_api_base": url,
        }
        yield Payments(f"{url}  (a counterpart of Stripe: test cards, no account)", settings)
    finally:
        await server.shutdown(sockets=[listener])


def _listen(layout: Layout) -> socket.socket:
    """STRIPE_TWIN_PORT, else the port after the gateway's, else any: pages name it themselves."""
    wished = int(os.environ.get("STRIPE_TWIN_PORT", layout.port + 1))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", wished))
    except (OSError, OverflowError):
        listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener
