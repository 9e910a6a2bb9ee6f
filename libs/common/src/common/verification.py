"""`events verify`: whether the log is as it was written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from common.database import Database
from common.event_store import chained, genesis


@dataclass(frozen=True)
class Flaw:
    """What is wrong with one stream."""

    stream: str
    version: int
    problem: str


async def verify_log(database: Database) -> AsyncIterator[Flaw]:
    """Every break of a hash chain, missing version and missing end of a stream."""
    async with database.reader() as reader, reader.connection.transaction():
        stream, version, expected = "", 0, b""
        async for row in reader.connection.cursor(_ALL, prefetch=2_000):
            if row["stream"] != stream:
                stream, version, expected = row["stream"], 0, genesis(row["stream"])
            version += 1
            if row["version"] != version:
                yield Flaw(stream, version, "this version is missing")
                version = row["version"]
            content = (row["type"], row["schema"], row["data"], row["meta"])
            if chained(expected, stream, version, content) != row["hash"]:
                yield Flaw(stream, version, "the event is not the one that was written")
            expected = row["hash"]
        for row in await reader.connection.fetch(_CUT):
            yield Flaw(row["stream"], row["last_version"], "the end of the stream is missing")


async def log_size(database: Database) -> tuple[int, int]:
    """How many events the log holds, in how many streams."""
    async with database.reader() as reader:
        row = await reader.connection.fetchrow(_SIZE)
    return row["events"], row["streams"]


_SIZE = "select count(*) as events, count(distinct stream) as streams from events"
_ALL = "select stream, version, type, schema, data, meta, hash from events order by stream, version"
_CUT = """
    select c.stream, max(c.last_version) as last_version from commands c
     where c.last_version >
           (select coalesce(max(version), 0) from events e where e.stream = c.stream)
     group by c.stream"""
