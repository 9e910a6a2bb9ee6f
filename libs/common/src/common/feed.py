"""A producer's public messages, stream by stream, for consumers that missed some.

Services ask one another inside the network only; the shared internal secret says who may.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from common.asking import ask
from common.database import Database
from common.event_store import EventStore
from common.relay import Publish, feed
from common.wire import WireSeal

StreamVersion = tuple[str, int]
"""(stream, its last public version)"""

STREAMS_A_PAGE = 1_000


class Progress(NamedTuple):
    """How far a log goes, and up to where its messages are known to be with the broker."""

    recorded: int
    published: int


class Feed(Protocol):
    """What one service has published."""

    async def __call__(self, stream: str, after: int) -> Sequence[bytes]:
        """The public messages of a stream after a public version, in order."""
        ...

    async def streams(self, after: str) -> Sequence[StreamVersion]:
        """A page of the streams whose names come after `after`, in the order of their names."""
        ...

    async def progress(self) -> Progress:
        """In positions of the log."""
        ...


class LogFeed:
    """The feed of a log in this process's reach."""

    def __init__(
        self, database: Database, store: EventStore, publish: Publish, seal: WireSeal
    ) -> None:
        self._database = database
        self._store = store
        self._publish = publish
        self._seal = seal

    async def __call__(self, stream: str, after: int) -> Sequence[bytes]:
        """The public messages of a stream after a public version."""
        return await feed(self._database, self._store, self._publish, self._seal, stream, after)

    async def streams(self, after: str) -> Sequence[StreamVersion]:
        """A page of what has been published so far."""
        async with self._database.reader() as reader:
            rows = await reader.connection.fetch(_STREAMS, after, STREAMS_A_PAGE)
        return [(row["stream"], row["version"]) for row in rows]

    async def progress(self) -> Progress:
        """The last position that was drawn, and the relay's."""
        async with self._database.reader() as reader:
            return Progress(*await reader.connection.fetchrow(_PROGRESS))


class Feeds:
    """Where to ask for missing messages: a function for those in this process, else an address."""

    def __init__(
        self, secret: str, addresses: Mapping[str, str], local: Mapping[str, Feed] | None = None
    ) -> None:
        self._secret = secret
        self._addresses = addresses
        self._local = local or {}

    async def missing(self, source: str, stream: str, after: int) -> Sequence[bytes]:
        """The messages after a version. Raises `LookupError` for an unknown source."""
        if source in self._local:
            return await self._local[source](stream, after)
        found = await self._ask(source, "/internal/feed", {"stream": stream, "after": after})
        return [b64decode(message) for message in found]

    async def streams(self, source: str, after: str) -> Sequence[StreamVersion]:
        """A page of a source's streams. Raises `LookupError` for an unknown source."""
        if source in self._local:
            return await self._local[source].streams(after)
        found = await self._ask(source, "/internal/feed/streams", {"after": after})
        return [(stream, version) for stream, version in found]

    async def progress(self, source: str) -> Progress:
        """How far a source's log goes. Raises `LookupError` for an unknown source."""
        if source in self._local:
            return await self._local[source].progress()
        return Progress(*await self._ask(source, "/internal/feed/progress", {}))

    async def _ask(self, source: str, path: str, parameters: Mapping[str, str | int]) -> list[Any]:
        if source not in self._addresses:
            raise LookupError(f"no feed of {source} is known")
        found: list[Any] = await ask(f"{self._addresses[source]}{path}", self._secret, parameters)
        return found


_STREAMS = """
    select stream, version from published_streams where stream > $1 order by stream limit $2"""
_PROGRESS = """
    select last_value - (not is_called)::int,
           coalesce((select position from cursors where name = 'relay'), 0)
      from events_position_seq"""
