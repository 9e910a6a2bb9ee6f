"""Plain connections to RabbitMQ: opened by role, counted while they are open, closed for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPException, AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import InvalidFrameError
from prometheus_client import Gauge
from yarl import URL

from common.places import place
from common.settings import StartRefused

log = structlog.get_logger(__name__)

OPEN = Gauge("cartulary_broker_connections", "Open connections to the broker", ["role"])

TROUBLE = (AMQPException, OSError, TimeoutError, asyncio.IncompleteReadError, RuntimeError)
"""What aio-pika raises when the broker is away; RuntimeError for a channel that is gone."""

HEARTBEAT_SECONDS, CONNECT_SECONDS = 5, 10.0


class Connections:
    """Makes the connections of one process to one broker, and knows how many are open."""

    def __init__(self, url: str) -> None:
        self._url = URL(url).update_query(heartbeat=HEARTBEAT_SECONDS)
        self._open: set[int] = set()

    @property
    def any_open(self) -> bool:
        """Whether the broker is there, as far as this process has noticed."""
        return bool(self._open)

    async def connect(self, role: str) -> AbstractConnection:
        """A connection by this name. Raises one of `TROUBLE`."""
        connection = await aio_pika.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            client_properties={"connection_name": f"cartulary {role}"},
            connection_class=_Connection,
        )
        self._open.add(id(connection))
        OPEN.labels(role).inc()

        def closed(*_: object) -> None:
            if id(connection) in self._open:
                self._open.remove(id(connection))
                OPEN.labels(role).dec()

        connection.close_callbacks.add(closed, weak=False)
        return connection


class _Connection(aio_pika.Connection):
    """Closed where it could not be made: aio-pika's would try that itself when it is collected."""

    async def connect(self, timeout: float | None = None) -> None:
        """Raises what the other does."""
        try:
            await super().connect(timeout)
        except BaseException:
            await self.close()
            raise


async def knock(url: str) -> None:
    """Look at a start whether there is a way in; a broker that is away is waited for later.

    Raises `StartRefused` where it does not know the user or the password.
    """
    try:
        await close(await Connections(url).connect("knock"))
    except (AuthenticationError, ProbableAuthenticationError):
        why = "RabbitMQ refuses it: mend the user or its password"
        raise StartRefused(f"cannot start: AMQP_URL: {why}: {place(url)}") from None
    except InvalidFrameError:
        why = "the virtual host is not there, is down, or is not for this user"
        log.warning("broker_is_away", broker=place(url), why=why)
    except TROUBLE as error:
        log.warning("broker_is_away", broker=place(url), why=repr(error))


def lost(connection: AbstractConnection) -> asyncio.Event:
    """An event that is set when the connection ends."""
    ended = asyncio.Event()
    connection.close_callbacks.add(lambda *_: ended.set(), weak=False)
    return ended


class ConnectionEnded(Exception):
    """It did while it was used."""


@asynccontextmanager
async def while_open(connection: AbstractConnection) -> AsyncIterator[None]:
    """The block ends with the connection, also while it only waits. Raises `ConnectionEnded`."""
    loop, using, inside = asyncio.get_running_loop(), asyncio.timeout(None), True

    def stop(*_: object) -> None:
        if inside:
            using.reschedule(loop.time())

    connection.close_callbacks.add(stop, weak=False)
    try:
        async with using:
            try:
                yield
            finally:
                inside = False
    except TimeoutError as error:
        if using.expired():
            raise ConnectionEnded from error
        raise


async def close(connection: AbstractConnection) -> None:
    """Close it, whether or not the other side is still there."""
    try:
        async with asyncio.timeout(2):
            await connection.close()
    except TROUBLE as error:
        log.debug("connection_was_gone", why=repr(error))
