"""A consumer hears what its sources published while no queue kept it for them, each message once.

1. before the consumer's first start, or before a version of it that hears the source at all: from
   the first message on; a row of the inbox without a stream's name says that this is done
2. since the backup that it was restored from: acknowledged by its former life, and in no queue

The producers' feeds have it all, and the inbox knows what it has seen.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from common.broker import BrokerUnavailable
from common.cancelling import told_to_end
from common.database import Database
from common.feed import Feeds
from common.inbox import TRANSIENT, FeedAway, Inbox
from common.messages import Envelope

log = structlog.get_logger(__name__)

AnswerT = TypeVar("AnswerT")


class CatchingUp:
    """One consumer's way to the present. Broken off, it begins again: the inbox drops what it
    has seen. A source that is away, or has no feed here, is asked again and again; the others are
    not. `declare` makes the consumer's queues."""

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        feeds: Feeds,
        declare: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._feeds = feeds
        self._declare = declare
        self._heard: set[tuple[int, str]] = set()
        self._told: set[str] = set()
        self._goals: dict[str, int] = {}

    async def step(self) -> None:
        """Hear what there is to hear; does nothing where that is done."""
        async with self._database.reader() as reader:
            begun = await reader.connection.fetch(_BEGUN, self._inbox.consumer, self._inbox.sources)
            epoch = await reader.connection.fetchval(_BEHIND)
        known = {row["source"] for row in begun}
        for source in self._inbox.sources:
            await self._hear_from(source, epoch, first=source not in known)
        if epoch is not None and all((epoch, s) in self._heard for s in self._inbox.sources):
            async with self._database.reader() as writer:
                await writer.connection.execute(_CAUGHT_UP, epoch)

    async def _hear_from(self, source: str, epoch: int | None, *, first: bool) -> None:
        """What there is to hear of this source; what fails is for the next step."""
        try:
            if first:
                await self._begin_with(source)
            if epoch is not None and (epoch, source) not in self._heard:
                await self._hear(source)
                self._heard.add((epoch, source))
        except FeedAway as error:
            if source not in self._told:
                log.warning("feed_is_away", source=source, why=str(error))
            self._told.add(source)
        except TRANSIENT as error:
            if told_to_end():
                raise
            log.info("catching_up_begins_again", source=source, why=type(error).__name__)

    async def _begin_with(self, source: str) -> None:
        """Hear all of it, once the feed has whatever was published before our queues were there."""
        if source not in self._goals:
            try:
                await self._declare()
            except BrokerUnavailable:
                return  # whoever consumes has said so
            self._goals[source] = (await _asked(self._feeds.progress(source))).recorded
        recorded, published = await _asked(self._feeds.progress(source))
        if published < min(recorded, self._goals[source]):
            return  # the feed tells only what the relay has noted down as published
        await self._hear(source)
        async with self._database.reader() as writer:
            await writer.connection.execute(_BEGIN, self._inbox.consumer, source)

    async def _hear(self, source: str) -> None:
        heard = await _hear(self._database, self._inbox, self._feeds, source)
        self._told.discard(source)
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


_BEGUN = """
    select source from inbox
     where consumer = $1 and source = any($2::text[]) and stream = ''"""
_BEGIN = """
    insert into inbox (consumer, source, stream, last_version) values ($1, $2, '', 0)
        on conflict do nothing"""
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
