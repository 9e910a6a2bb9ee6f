"""A row per (consumer, source, stream): the last version seen, and whether it is parked."""

from collections.abc import Collection, Mapping

from common.database import Transaction

StreamKey = tuple[str, str]
"""(source, stream)"""

Row = tuple[int, bool]
"""(last version seen, whether the stream is parked)"""


async def lock_rows(
    transaction: Transaction, consumer: str, streams: Collection[StreamKey]
) -> dict[StreamKey, Row]:
    """The rows of these streams, made if they are missing; nobody else moves them meanwhile."""
    keys = sorted(set(streams))
    arguments = (consumer, [source for source, _ in keys], [stream for _, stream in keys])
    await transaction.connection.execute(_KNOW, *arguments)
    rows = await transaction.connection.fetch(_LOCK, *arguments)
    return {(r["source"], r["stream"]): (r["last_version"], r["parked"]) for r in rows}


async def move_rows(transaction: Transaction, consumer: str, rows: Mapping[StreamKey, Row]) -> None:
    """Remember the versions that were handled; a row never goes back."""
    sources, streams = zip(*rows, strict=True)
    versions = [version for version, _ in rows.values()]
    await transaction.connection.execute(_MOVE, consumer, list(sources), list(streams), versions)


async def mark_parked(
    transaction: Transaction, consumer: str, key: StreamKey, parked: bool
) -> None:
    """Say that a stream is parked, or that it goes on."""
    await transaction.connection.execute(_MARK, consumer, *key, parked)


_KNOW = """
    insert into inbox (consumer, source, stream, last_version)
    select $1, source, stream, 0 from unnest($2::text[], $3::text[]) as new (source, stream)
     order by source, stream
        on conflict do nothing"""
_LOCK = """
    select source, stream, last_version, parked from inbox
     where consumer = $1
       and (source, stream) in (select * from unnest($2::text[], $3::text[]))
     order by source, stream for update"""
_MOVE = """
    update inbox set last_version = greatest(inbox.last_version, new.version)
      from unnest($2::text[], $3::text[], $4::bigint[]) as new (source, stream, version)
     where consumer = $1 and inbox.source = new.source and inbox.stream = new.stream
       and inbox.last_version < new.version"""
_MARK = """
    insert into inbox (consumer, source, stream, last_version, parked) values ($1, $2, $3, 0, $4)
        on conflict (consumer, source, stream) do update set parked = excluded.parked"""
