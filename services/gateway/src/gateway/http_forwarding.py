"""The way to a service at an address: pooled, bounded in time, given up when its client leaves."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from gateway.answers import Send
from gateway.forwarding import Call, Unreachable, explain
from gateway.inbound import Inbound

CONNECT_SECONDS = 2.0
RETRY_PAUSE_SECONDS = 0.05
WATCH_AFTER_SECONDS = 0.05
KEEP_ALIVE_SECONDS = 4.0  # shorter than the services' own: they must not close what we reuse
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})

_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

Body = bytes | AsyncIterator[bytes] | None


class HttpUpstream:
    """A service at an address, over pools of kept-alive connections: one for critical calls, which
    so do not queue behind others.

    `connections` bounds each pool; who finds no free connection waits inside the call's budget.
    """

    def __init__(
        self, base_url: str, *, connections: int = 200, retry_pause: float = RETRY_PAUSE_SECONDS
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connections = connections
        self._retry_pause = retry_pause
        self._clients: dict[bool, aiohttp.ClientSession] = {}

    async def start(self) -> None:
        """Open the pools; connections are made when first needed."""
        self._clients = {critical: self._pool() for critical in (False, True)}

    def _pool(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEP_ALIVE_SECONDS
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC_HEADERS,
        )

    async def close(self) -> None:
        """Close the pools and whatever still runs over them."""
        for client in self._clients.values():
            await client.close()

    async def forward(self, call: Call, inbound: Inbound, send: Send) -> None:
        """See `Upstream.forward`. Only an unreachable service is asked twice."""
        exchange = _Exchange(call, inbound, send)
        try:
            async with asyncio.timeout(call.budget) as exchange.patience:
                body = await exchange.body()
                async with await self._ask(call, body) as response:
                    await exchange.relay(response)
        except (aiohttp.ClientError, TimeoutError, Unreachable) as error:
            explain(error, inbound, begun=exchange.begun, late=isinstance(error, TimeoutError))
        finally:
            exchange.stop_watching()

    async def _ask(self, call: Call, body: Body) -> aiohttp.ClientResponse:
        try:
            return await self._request(call, body)
        except Unreachable:
            if call.method not in IDEMPOTENT or isinstance(body, AsyncIterator):
                raise
            await asyncio.sleep(self._retry_pause)
            return await self._request(call, body)

    async def _request(self, call: Call, body: Body) -> aiohttp.ClientResponse:
        if not self._clients:
            raise Unreachable("the pools are not open")
        query = f"?{call.query.decode('latin-1')}" if call.query else ""
        url = URL(f"{self._base_url}{call.path}{query}", encoded=True)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers
        ]
        try:
            return await self._clients[call.critical].request(
                call.method, url, headers=headers, data=body, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unreachable from error


class _Exchange:
    """One call over HTTP: both directions, under one budget that the client's leaving ends."""

    def __init__(self, call: Call, inbound: Inbound, send: Send) -> None:
        self.patience = asyncio.timeout(None)
        self.begun = False
        self._call = call
        self._inbound = inbound
        self._send = send
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def body(self) -> Body:
        """All of a body that came in one piece, else a stream of the pieces."""
        if self._inbound.complete:
            self._watch_soon()
            return None
        first = await self._piece()
        return self._pieces(first) if not self._inbound.complete else first or None

    async def relay(self, response: aiohttp.ClientResponse) -> None:
        """Pass the answer on as it arrives."""
        headers = [(name.lower(), value) for name, value in response.raw_headers]
        self.begun = True
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await self._send(start)
        content = response.content
        ended = False
        while not ended:
            self._renew_budget()
            piece = await content.readany()
            ended = content.at_eof()
            await self._send({"type": "http.response.body", "body": piece, "more_body": not ended})

    def stop_watching(self) -> None:
        """The exchange is over."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _watch_soon(self) -> None:
        """Look whether the client leaves, but not at once: quick answers need no further task."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._watch)

    def _watch(self) -> None:
        self._watcher = asyncio.create_task(self._end_when_the_client_leaves())

    async def _end_when_the_client_leaves(self) -> None:
        await self._inbound.left()
        self.patience.reschedule(asyncio.get_running_loop().time())

    def _renew_budget(self) -> None:
        self.patience.reschedule(asyncio.get_running_loop().time() + self._call.budget)

    async def _piece(self) -> bytes:
        message = await self._inbound.receive()
        if message["type"] == "http.disconnect":
            raise aiohttp.ClientConnectionError("the client's body ended early")
        if self._inbound.complete:
            self._watch_soon()
        piece: bytes = message.get("body", b"")
        return piece

    async def _pieces(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        while not self._inbound.complete:
            yield await self._piece()
