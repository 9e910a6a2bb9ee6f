"""A row per (consumer, source, stream): the last version seen, and whether it is parked."""

from collections.abc import Collection, Mapping, Sequence

from common.database import Transaction
from common.statements import Write, go_together

StreamKey = tuple[str, str]
"""(source, stream)"""

Row = tuple[int, bool]
"""(last version seen, whether the stream is parked)"""


async def lock_rows(
    transaction: Transaction, consumer: str, streams: Collection[StreamKey]
) -> dict[StreamKey, Row]:
    """The rows of these streams, made if they are missing; nobody else moves them meanwhile."""
    found = await _locked(transaction, consumer, streams)
    if missing := sorted(set(streams) - found.keys()):
        made = await transaction.connection.fetch(_KNOW, consumer, *_columns(missing))
        found |= {(row["source"], row["stream"]): (0, False) for row in made}
        if elsewhere := set(missing) - found.keys():  # made by another at this moment
            found |= await _locked(transaction, consumer, elsewhere)
    return {key: found[key] for key in streams}


async def _locked(
    transaction: Transaction, consumer: str, streams: Collection[StreamKey]
) -> dict[StreamKey, Row]:
    rows = await transaction.connection.fetch(_LOCK, consumer, *_columns(streams))
    return {(r["source"], r["stream"]): (r["last_version"], r["parked"]) for r in rows}


def _columns(streams: Collection[StreamKey]) -> tuple[list[str], list[str]]:
    return [source for source, _ in streams], [stream for _, stream in streams]


async def move_rows(
    transaction: Transaction,
    consumer: str,
    rows: Mapping[StreamKey, Row],
    writes: Sequence[Write] = (),
) -> None:
    """Do the writes and remember the versions that were handled, which never go back.

    Few writes go along in one round trip.
    """
    moved = (consumer, *_columns(rows), [version for version, _ in rows.values()])
    if go_together(writes):
        await transaction.write_together(_MOVE, moved, writes)
    else:
        await transaction.write(writes)
        await transaction.connection.execute(_MOVE, *moved)


async def mark_parked(
    transaction: Transaction, consumer: str, key: StreamKey, parked: bool
) -> None:
    """Say that a stream is parked, or that it goes on."""
    await transaction.connection.execute(_MARK, consumer, *key, parked)


_KNOW = """
    insert into inbox (consumer, source, stream, last_version)
    select $1, source, stream, 0 from unnest($2::text[], $3::text[]) as new (source, stream)
     order by source, stream
        on conflict do nothing
    returning source, stream"""
# each column by itself, since only so is the whole index used: to compare pairs PostgreSQL may read
# every row of the consumer, and a batch costs more with each stream that was ever heard of
_LOCK = """
    select source, stream, last_version, parked from inbox
     where consumer = $1
       and source = any($2::text[]) and stream = any($3::text[])
     order by source, stream for update"""
_MOVE = """
    with moved (source, stream, version) as (
        select * from unnest($2::text[], $3::text[], $4::bigint[]))
    insert into inbox (consumer, source, stream, last_version)
    select $1, source, stream, version from moved
        on conflict (consumer, source, stream) do update set last_version = excluded.last_version
         where inbox.last_version < excluded.last_version"""
_MARK = """
    insert into inbox (consumer, source, stream, last_version, parked) values ($1, $2, $3, 0, $4)
        on conflict (consumer, source, stream) do update set parked = excluded.parked"""
