"""Connections to one address: so many at once, and those that are idle kept for a while."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Self
from urllib.parse import urlsplit

from gateway.forwarding import Unreachable
from gateway.upstream_connection import UpstreamConnection

CONNECT_SECONDS = 2.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is; `prefix` stands before every path."""

    host: str
    port: int
    tls: bool
    name: bytes
    prefix: bytes

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises `ValueError` for what is no http or https URL."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is not the address of a service")
        port = parts.port or _PORTS[parts.scheme]
        name, prefix = parts.netloc.rpartition("@")[2].encode(), parts.path.rstrip("/").encode()
        return cls(parts.hostname, port, parts.scheme == "https", name, prefix)


class UpstreamPool:
    """`most` bounds the connections; who finds none free waits for its turn. Idle ones are closed
    after `keep_alive` seconds."""

    def __init__(self, address: Address, *, most: int, keep_alive: float) -> None:
        self._address = address
        self._keep_alive = keep_alive
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(most)
        self._all: set[UpstreamConnection] = set()
        self._idle: dict[UpstreamConnection, float] = {}  # since when; the oldest first
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def take(self, *, fresh: bool = False) -> UpstreamConnection:
        """A connection, which must be given back: the last one that was, unless a `fresh` one is
        wanted. Raises `Unreachable`."""
        await self._places.acquire()
        try:
            while self._idle and not fresh:
                connection, _ = self._idle.popitem()
                if connection.usable:
                    return connection
            return await self._connect()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, connection: UpstreamConnection) -> None:
        """The exchange over it is over, whether or not it came to its end."""
        if connection.finish():
            self._keep(connection)
        else:
            self._all.discard(connection)
        self._places.release()

    def close(self) -> None:
        """Close all connections, whatever runs over them."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in tuple(self._all):
            connection.close()

    async def _connect(self) -> UpstreamConnection:
        address = self._address
        if self._closed:
            raise Unreachable("the pool is closed")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await self._loop.create_connection(
                    partial(UpstreamConnection, self._lost),
                    address.host,
                    address.port,
                    ssl=address.tls or None,
                )
        except OSError as error:  # also a name that is not known, TLS refused, no time left
            raise Unreachable from error
        if self._closed:
            connection.close()
            raise Unreachable("the pool was closed")
        self._all.add(connection)
        return connection

    def _lost(self, connection: UpstreamConnection) -> None:
        self._all.discard(connection)
        self._idle.pop(connection, None)

    def _keep(self, connection: UpstreamConnection) -> None:
        self._idle[connection] = self._loop.time()
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._keep_alive, self._close_old)

    def _close_old(self) -> None:
        """Those that nobody has wanted for so long."""
        self._sweep = None
        now = self._loop.time()
        for connection, since in tuple(self._idle.items()):
            left = since + self._keep_alive - now
            if left > 0:
                self._sweep = self._loop.call_later(left, self._close_old)
                return
            del self._idle[connection]
            connection.close()
