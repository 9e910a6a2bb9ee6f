"""A service restored from a backup hears again what others published since, each message once.

The backup's inbox says which versions had been heard by then. What came after was acknowledged and
is in no queue any more; the producers' feeds still have it.
"""

from collections.abc import Awaitable
from typing import TypeVar

import structlog

from common.database import Database
from common.feed import Feeds
from common.inbox import FeedAway, Inbox
from common.messages import Envelope

log = structlog.get_logger(__name__)

AnswerT = TypeVar("AnswerT")


class CatchingUp:
    """One consumer's way back to the present. Broken off, it begins again: the inbox drops what it
    has seen. A source that is away, or has no feed here, is asked again and again; the others are
    not."""

    def __init__(self, database: Database, inbox: Inbox, feeds: Feeds) -> None:
        self._database = database
        self._inbox = inbox
        self._feeds = feeds
        self._sources = [pattern.partition(".")[0] for pattern in inbox.types]
        self._heard: set[tuple[int, str]] = set()
        self._told: set[tuple[int, str]] = set()

    async def step(self) -> None:
        """Hear what was published since the last restore; does nothing without one."""
        async with self._database.reader() as reader:
            epoch = await reader.connection.fetchval(_BEHIND)
        if epoch is None:
            return
        for source in self._sources:
            await self._catch_up_with(source, epoch)
        if all((epoch, source) in self._heard for source in self._sources):
            async with self._database.reader() as writer:
                await writer.connection.execute(_CAUGHT_UP, epoch)

    async def _catch_up_with(self, source: str, epoch: int) -> None:
        key = (epoch, source)
        if key in self._heard:
            return
        try:
            heard = await _hear(self._database, self._inbox, self._feeds, source)
        except FeedAway as error:
            if key not in self._told:
                log.warning("feed_is_away", source=source, why=str(error))
            self._told.add(key)
            return
        self._heard.add(key)
        log.info("caught_up", consumer=self._inbox.consumer, source=source, streams=heard)


async def _hear(database: Database, inbox: Inbox, feeds: Feeds, source: str) -> int:
    """How many of the source's streams had gone on."""
    after, heard = "", 0
    while page := await _asked(feeds.streams(source, after)):
        async with database.reader() as reader:
            names, versions = [stream for stream, _ in page], [version for _, version in page]
            rows = await reader.connection.fetch(_GONE_ON, inbox.consumer, source, names, versions)
        for row in rows:
            await _fetch(inbox, feeds, source, row["stream"], row["heard"])
        heard += len(rows)
        after = names[-1]
    return heard


async def _fetch(inbox: Inbox, feeds: Feeds, source: str, stream: str, heard: int) -> None:
    """Hand the inbox what the stream has beyond a version; a feed gives so many at a time."""
    while found := await _asked(feeds.missing(source, stream, heard)):
        await inbox.handle(found)
        heard = Envelope.from_bytes(found[-1]).version


async def _asked(question: Awaitable[AnswerT]) -> AnswerT:
    try:
        return await question
    except Exception as error:
        # whatever it is, it is the other side's: the caller tries again
        raise FeedAway(type(error).__name__) from error


_BEHIND = "select max(shift) from epochs where caught_up_at is null"
_CAUGHT_UP = """
    update epochs set caught_up_at = clock_timestamp() where caught_up_at is null and shift <= $1"""
_GONE_ON = """
    select published.stream, coalesce(inbox.last_version, 0) as heard
      from unnest($3::text[], $4::bigint[]) as published (stream, version)
      left join inbox on inbox.consumer = $1 and inbox.source = $2
                     and inbox.stream = published.stream
     where published.version > coalesce(inbox.last_version, 0)
     order by published.stream"""
