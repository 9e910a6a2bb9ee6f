"""The way to a service at an address: pooled, bounded in time, given up when its client leaves."""

import asyncio
from collections.abc import AsyncIterator
from math import inf

from gateway.answers import Send
from gateway.forwarding import Call, Unreachable, explain
from gateway.inbound import Inbound
from gateway.patience import Patience
from gateway.upstream_connection import ConnectionBroken, ConnectionStale, UpstreamConnection
from gateway.upstream_pool import Address, UpstreamPool
from gateway.upstream_requests import BodyUnfinished, announced, framed, head

RETRY_PAUSE_SECONDS = 0.05
KEEP_ALIVE_SECONDS = 4.0  # shorter than the services' own: they must not close what we reuse
WATCH_AFTER_SECONDS = 0.25
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})

Body = bytes | AsyncIterator[bytes]


class HttpUpstream:
    """A service at an address, over pools of kept-alive connections: one for critical calls, which
    so do not queue behind others.

    `connections` bounds each pool; who finds no free connection waits inside the call's budget.
    Idle ones are kept for `keep_alive` seconds. Raises `ValueError` for what is no address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connections: int = 200,
        keep_alive: float = KEEP_ALIVE_SECONDS,
        retry_pause: float = RETRY_PAUSE_SECONDS,
    ) -> None:
        self._address = Address.of(base_url)
        self._connections = connections
        self._keep_alive = keep_alive
        self._retry_pause = retry_pause
        self._pools: dict[bool, UpstreamPool] = {}
        self._patience: Patience

    async def start(self) -> None:
        """Open the pools; connections are made when first needed."""
        self._patience = Patience()
        self._pools = {
            critical: UpstreamPool(
                self._address, most=self._connections, keep_alive=self._keep_alive
            )
            for critical in (False, True)
        }

    async def close(self) -> None:
        """Close the pools and whatever still runs over them."""
        for pool in self._pools.values():
            pool.close()
        if self._pools:
            self._patience.close()

    async def forward(self, call: Call, inbound: Inbound, send: Send) -> None:
        """See `Upstream.forward`. What may be repeated is asked once more where no connection came
        about, or one that had served before ended without a word."""
        if not self._pools:
            explain(Unreachable("the pools are not open"), inbound, begun=False, late=False)
        exchange = _Exchange(call, inbound, send)
        try:
            async with exchange.limit:
                self._patience.begin(exchange, exchange.due)
                await self._exchange(exchange, call)
        except (ConnectionBroken, BodyUnfinished, TimeoutError, Unreachable) as error:
            explain(error, inbound, begun=exchange.begun, late=isinstance(error, TimeoutError))
        finally:
            self._patience.end(exchange)
            exchange.stop_watching()

    async def _exchange(self, exchange: "_Exchange", call: Call) -> None:
        pool = self._pools[call.critical]
        connection = await self._ask(pool, call, await exchange.body())
        try:
            await exchange.relay(connection)
        finally:
            pool.give_back(connection)

    async def _ask(self, pool: UpstreamPool, call: Call, body: Body) -> UpstreamConnection:
        """A connection on which the answer has begun."""
        try:
            return await self._ask_once(pool, call, body)
        except (Unreachable, ConnectionStale) as error:
            if call.method not in IDEMPOTENT or not isinstance(body, bytes):
                raise
            if isinstance(error, Unreachable):
                await asyncio.sleep(self._retry_pause)
            return await self._ask_once(pool, call, body, fresh=True)

    async def _ask_once(
        self, pool: UpstreamPool, call: Call, body: Body, *, fresh: bool = False
    ) -> UpstreamConnection:
        rest: AsyncIterator[bytes] | None = None
        if isinstance(body, bytes):
            request = self._head(call, len(body)) + body
        else:
            length = announced(call)
            request, rest = self._head(call, length), framed(body, length)
        connection = await pool.take(fresh=fresh)
        try:
            connection.ask(request, bodiless=call.method == "HEAD")
            if rest is not None:
                connection.upload(rest)
            await connection.head()
        except BaseException:
            pool.give_back(connection)
            raise
        return connection

    def _head(self, call: Call, length: int | None) -> bytes:
        return head(call, self._address.name, self._address.prefix, length)


class _Exchange:
    """One call over HTTP: both directions, under one budget that the client's leaving ends."""

    def __init__(self, call: Call, inbound: Inbound, send: Send) -> None:
        self.limit = asyncio.timeout(None)
        self.begun = False
        self._call = call
        self._inbound = inbound
        self._send = send
        self._time = asyncio.get_running_loop().time
        self._until = self._time() + call.budget
        self._watcher: asyncio.Task[None] | None = None
        self._given_up = False

    @property
    def due(self) -> float:
        """When to look at it for the first time."""
        return self._soon(self._time())

    def look(self, now: float) -> float:
        """Give up when the budget is spent; else see to it that the client's leaving is noticed.

        That is not done at once: quick answers need no further task.
        """
        if now >= self._until:
            self._give_up()
        if self._given_up:
            return inf
        if self._watcher is None and self._inbound.complete:
            self._watcher = asyncio.create_task(self._end_when_the_client_leaves())
        return self._until if self._watcher is not None else self._soon(now)

    async def body(self) -> Body:
        """All of a body that came in one piece, else a stream of the pieces."""
        if self._inbound.complete:
            return b""
        first = await self._piece()
        return first if self._inbound.complete else self._pieces(first)

    async def relay(self, connection: UpstreamConnection) -> None:
        """Pass the answer on as it arrives; the budget is for each piece of it anew."""
        status, headers = await connection.head()
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        more = True
        while more:
            self._until = self._time() + self._call.budget
            piece, more = await connection.piece()
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    def stop_watching(self) -> None:
        """The exchange is over."""
        if self._watcher is not None:
            self._watcher.cancel()

    def _soon(self, now: float) -> float:
        return min(self._until, now + WATCH_AFTER_SECONDS)

    def _give_up(self) -> None:
        if not self._given_up:
            self._given_up = True
            self.limit.reschedule(self._time())

    async def _end_when_the_client_leaves(self) -> None:
        await self._inbound.left()
        self._give_up()

    async def _piece(self) -> bytes:
        message = await self._inbound.receive()
        if message["type"] == "http.disconnect":
            raise BodyUnfinished
        piece: bytes = message.get("body", b"")
        return piece

    async def _pieces(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        while not self._inbound.complete:
            yield await self._piece()
