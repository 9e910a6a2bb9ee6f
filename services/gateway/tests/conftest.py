"""A gateway on a real port before a real service on a real port that answers as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest
import uvicorn
from common.access_tokens import IDENTITY_HEADER, Identity, InternalTokens, SigningKey, jwks
from common.access_tokens import sign_access_token as sign
from common.broker import ConnectionListener, Listener, Outgoing
from common.clock import MovableClock
from common.ids import uuid7
from common.in_process import InProcessBroker
from common.messages import Envelope
from common.paired_writes import PairingProtocol
from common.testing.waiting import eventually
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway.application import Edge, create_gateway
from gateway.forwarding import InProcessUpstream
from gateway.http_forwarding import HttpUpstream
from gateway.routes import GET, POST, Access, CacheRule, Route
from gateway.routes_table import ROUTES
from gateway.settings import GatewaySettings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = GatewaySettings(port=0, check_routes=False)
TEST_ROUTES = (
    *ROUTES,
    Route("cards", POST, "/small", Access.ANYONE, body_limit=1000),
    Route("cards", GET | POST | {"PUT"}, "/quick", Access.ANYONE, budget=0.2),
    Route("cards", GET, "/admin", Access.ADMIN),
    Route("cards", GET | POST, "/stream", Access.ANYONE, body_limit=300_000_000),
    Route("cards", GET, "/plain", Access.ANYONE, cache=CacheRule(), query=frozenset({"page"})),
)


@dataclass(frozen=True)
class Seen:
    """A request as it reached the service."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes

    names = property(lambda self: {name for name, _ in self.headers})

    @property
    def caller(self) -> Identity | None:
        """Whom the gateway says it is for."""
        token = dict(self.headers).get(IDENTITY_HEADER)
        secret = SETTINGS.internal_secret.get_secret_value()
        return InternalTokens(secret).verify(token, NOON) if token else None


@dataclass(frozen=True)
class Reply:
    """What the service answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class Service:
    """One ASGI application that stands for auth and cards."""

    url: str

    def __init__(self) -> None:
        self.key = SigningKey("first", Ed25519PrivateKey.generate())
        self.calls: list[Seen] = []
        self.raw: dict[str, Callable[..., Awaitable[None]]] = {}
        self.replies: dict[str, Callable[[Seen], Awaitable[Reply]]] = {}
        self.ended: list[dict[str, str]] = []
        self.published_keys = {"first": self.key.private.public_key()}

    def answers(self, path: str, body: bytes = b"{}", status: int = 200, **headers: str) -> None:
        """Always answer so."""
        reply = self.reply(body, status, **headers)

        async def same(_: Seen) -> Reply:
            return reply

        self.replies[path] = same

    @staticmethod
    def reply(body: bytes = b"{}", status: int = 200, **headers: str) -> Reply:
        """One answer; an underscore in a header's name is a hyphen."""
        return Reply(status, body, {n.replace("_", "-"): v for n, v in headers.items()})

    def asked(self, path: str) -> list[Seen]:
        """The requests for a path."""
        return [seen for seen in self.calls if seen.path == path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        path = scope["path"]
        if path in self.raw:
            await self.raw[path](scope, receive, send)
            return
        seen = await self._read(scope, receive)
        self.calls.append(seen)
        reply = await self._reply(seen)
        headers = [(n.lower().encode(), v.encode()) for n, v in reply.headers.items()]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _read(self, scope: Any, receive: Any) -> Seen:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        query = scope["query_string"].decode()
        return Seen(scope["method"], scope["path"], query, headers, body)

    async def _reply(self, seen: Seen) -> Reply:
        if seen.path in self.replies:
            return await self.replies[seen.path](seen)
        said = {"jwks.json": jwks(self.published_keys), "ended-sessions": self.ended}
        return Reply(body=orjson.dumps(said.get(seen.path.rpartition("/")[2], {})))


class Exchange(InProcessBroker):
    """The in-process broker, whose connection a test may cut."""

    connection: ConnectionListener

    async def listen(self, on_message: Listener, on_connection: ConnectionListener) -> None:
        """Hear every message; keep hold of the connection."""
        self.connection = on_connection
        await super().listen(on_message, on_connection)

    async def tell(
        self,
        type: str,
        stream: str,
        data: Mapping[str, Any] | None = None,
        person: UUID | None = None,
    ) -> None:
        """Publish one message as a service would."""
        envelope = Envelope(
            uuid7(), "test", type, stream, 1, 0, NOON, data or {}, data_subject=person
        )
        await self.send_raw(type, envelope.to_bytes())

    async def send_raw(self, type: str, body: bytes) -> None:
        """Publish bytes."""
        async with self.publisher() as publisher:
            await publisher.publish([Outgoing(uuid7(), type, "x/1", body)])


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address of an application on a free port."""
    how: Any = {"http": PairingProtocol, "proxy_headers": False, "timeout_graceful_shutdown": 1}
    config = uvicorn.Config(app, port=0, log_level="critical", **how)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()


class World:
    """The gateway, what stands behind it, and a client before it."""

    gateway: Edge

    def __init__(self, url: str, service: Service, exchange: Exchange) -> None:
        self.url = url
        self.service = service
        self.exchange = exchange
        self.clock = MovableClock(NOON)
        self.client = aiohttp.ClientSession(auto_decompress=False)

    def token(self, account: UUID | None = None, **given: Any) -> str:
        """An access token as auth signs them."""
        claims = {
            "key": self.service.key,
            "session_id": uuid7(),
            "roles": frozenset[str](),
            "issuer": "cartulary",
            "audience": "cartulary",
            "now": self.clock.now(),
        }
        return sign(account_id=account or uuid7(), **{**claims, **given})

    async def ready(self) -> bool:
        """Whether the gateway says that it can serve."""
        return (await self.get("/readyz")).status == 200

    async def get(self, path: str, token: str | None = None, **headers: str) -> "Got":
        """GET, as a caller or as nobody."""
        return await self.ask("GET", path, token, **headers)

    async def ask(
        self, method: str, path: str, token: str | None = None, data: Any = None, **headers: str
    ) -> "Got":
        """Ask and read the whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["authorization"] = f"Bearer {token}"
        async with self.client.request(method, self.url + path, headers=named, data=data) as got:
            return Got(got.status, got.headers, await got.read())


@dataclass(frozen=True)
class Got:
    """An answer that reached the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = orjson.loads(self.body)
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["x-request-id"]
        return str(problem["code"])

    cache = property(lambda self: self.headers["cache-status"])


@pytest.fixture(params=["over HTTP", "in one process"])
async def world(request: pytest.FixtureRequest, service: Service) -> AsyncIterator[World]:
    """A gateway before a service, which it reaches in either way."""
    over_http, within = partial(HttpUpstream, service.url), partial(InProcessUpstream, service)
    make = over_http if request.param == "over HTTP" else within
    async with gateway_before(make, service) as made:
        yield made


@asynccontextmanager
async def gateway_before(
    upstream: Callable[[], Any],
    service: Service,
    *,
    cards: Callable[[], Any] | None = None,
    ready: bool = True,
    routes: Sequence[Route] = TEST_ROUTES,
    more: Mapping[str, Callable[[], Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """A gateway before this service, or `more` and `cards` beside it, and with these settings."""
    exchange = Exchange()
    world = World("", service, exchange)
    usual = {"auth": upstream, "cards": cards or upstream, "billing": upstream}
    gateway = create_gateway(
        settings=SETTINGS.model_copy(update=settings),
        upstreams={name: make() for name, make in {**usual, **(more or {})}.items()},
        broker=exchange,
        clock=world.clock,
        routes=routes,
    )
    async with served(gateway) as url, world.client:
        world.url, world.gateway = url, gateway
        if ready:
            await eventually(world.ready, what="readiness")
        service.calls.clear()
        yield world


@pytest.fixture
def before() -> Any:
    """Makes a gateway before any upstream."""
    return gateway_before


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service that answers over HTTP at its `url`."""
    service = Service()
    async with served(service) as service.url:
        yield service


@pytest.fixture
async def elsewhere(service: Service) -> AsyncIterator[World]:
    """A gateway before a service over HTTP only: for what a connection alone can show."""
    async with gateway_before(partial(HttpUpstream, service.url), service) as made:
        yield made
