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


async def catch_up_if_restored(database: Database, inbox: Inbox, feeds: Feeds) -> bool:
    """Whether there was something to catch up with. Broken off, it is done again from the start:
    the inbox drops what it has seen."""
    async with database.reader() as reader:
        if not await reader.connection.fetchval(_BEHIND):
            return False
    for source in inbox.sources:
        try:
            heard = await _hear(database, inbox, feeds, source)
        except FeedAway as error:
            log.warning("feed_is_away", source=source, why=str(error))
            return True
        log.info("caught_up", consumer=inbox.consumer, source=source, streams=heard)
    async with database.reader() as writer:
        await writer.connection.execute(_CAUGHT_UP)
    return True


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


_BEHIND = "select exists (select from epochs where caught_up_at is null)"
_CAUGHT_UP = "update epochs set caught_up_at = clock_timestamp() where caught_up_at is null"
_GONE_ON = """
    select published.stream, coalesce(inbox.last_version, 0) as heard
      from unnest($3::text[], $4::bigint[]) as published (stream, version)
      left join inbox on inbox.consumer = $1 and inbox.source = $2
                     and inbox.stream = published.stream
     where published.version > coalesce(inbox.last_version, 0)
     order by published.stream"""
