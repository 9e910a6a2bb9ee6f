"""Applications on real ports and requests as the gateway makes them, for tests over real HTTP."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import aiohttp
import uvicorn

from common.access_tokens import (
    CLIENT_HEADER,
    IDENTITY_HEADER,
    INTERNAL_LIFETIME,
    Identity,
    InternalTokens,
)
from common.ids import uuid7
from common.paired_writes import PairingProtocol
from common.settings import ServiceSettings


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the application, which listens on a free loopback port meanwhile.

    The client takes paths (`client.get("/livez")`); its lifespan runs as in production.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=PairingProtocol,
        log_config=None,
        timeout_graceful_shutdown=1,
        # a test may wait for long between two requests: the client closes idle connections first
        timeout_keep_alive=60,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        await server.shutdown()


def signed_in(
    settings: ServiceSettings,
    now: datetime,
    *,
    account_id: UUID | None = None,
    session_id: UUID | None = None,
    roles: Collection[str] = (),
) -> dict[str, str]:
    """The header with which the gateway tells a service who asks."""
    identity = Identity(
        account_id or uuid7(), session_id or uuid7(), frozenset(roles), now + INTERNAL_LIFETIME
    )
    tokens = InternalTokens(settings.internal_secret.get_secret_value())
    return {IDENTITY_HEADER: tokens.sign(identity, now)}


def coming_from(settings: ServiceSettings, address: str) -> dict[str, str]:
    """The header with which the gateway tells a service where a request came from."""
    tokens = InternalTokens(settings.internal_secret.get_secret_value())
    return {CLIENT_HEADER: tokens.sign_client(address)}
