"""The appends of many streams in one statement: what `EventStore.append` does for one of them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import asyncpg
import orjson

from common.database import Transaction
from common.event_store import Cause, EventStore, Stream, count
from common.personal_data import SubjectKey
from common.statements import Write, go_together


class Append(NamedTuple):
    """What follows in one stream; its hash is taken from the append before, if there is one."""

    stream: Stream
    events: Sequence[object]
    cause: Cause


async def append_all(
    store: EventStore,
    transaction: Transaction,
    appends: Sequence[Append],
    writes: Sequence[Write],
) -> Mapping[str, bytes]:
    """Do the writes, then append everything in the order given; the streams' new hashes.

    Inside a transaction, which is lost where it raises: as `EventStore.append`. The streams must
    have been loaded in it, or be new.
    """
    events = [event for append in appends for event in append.events]
    keys, made = await store.keys_to_seal(transaction, events)
    hashes: dict[str, bytes] = {}
    rows = [row for append in appends for row in _rows(store, append, keys, hashes)]
    commands = [_command(append) for append in appends]
    arguments = [list(one) for one in (*zip(*commands, strict=True), *zip(*rows, strict=True))]
    writes = [*made, *writes]
    try:
        if go_together(writes):
            await transaction.write_together(_APPEND_ALL, arguments, writes)
        else:
            await transaction.write(writes)
            await transaction.connection.execute(_APPEND_ALL, *arguments)
    except (asyncpg.NotNullViolationError, asyncpg.UniqueViolationError) as error:
        if (meaning := store.meaning(error, "several")) is None:
            raise
        raise meaning from error
    transaction.after_commit(partial(count, [str(row[3]) for row in rows]))
    return hashes


def _rows(
    store: EventStore,
    append: Append,
    keys: Mapping[str, SubjectKey],
    hashes: dict[str, bytes],
) -> Iterator[tuple[object, ...]]:
    """The rows of one append; the stream's hash goes on from `hashes`, and is kept there."""
    name, version = append.stream.name, append.stream.version
    start = Stream(name, version, hashes.get(name, append.stream.hash), ())
    meta = append.cause.meta()
    text, category = orjson.dumps(meta).decode(), name.partition("-")[0]
    sealed = store.sealed_rows(start, append.events, meta, keys)
    for number, (kind, schema, data, hash) in enumerate(sealed, start=version + 1):
        hashes[name] = hash
        yield name, category, number, kind, schema, data, text, hash


def _command(append: Append) -> tuple[object, ...]:
    cause, version = append.cause, append.stream.version
    last = version + len(append.events)
    return cause.command_id, cause.actor, append.stream.name, version + 1, last, cause.now


# without the check of the expected version that a lone append makes: whoever loaded a version in
# this transaction has seen it committed, and the key of (stream, version) finds who was faster
_APPEND_ALL = """
    with command as (
        insert into commands (id, actor, stream, first_version, last_version, at)
        select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::int[],
                             $6::timestamptz[])
    )
    insert into events (stream, category, version, type, schema, data, meta, hash)
    select stream, category, version, type, schema, data::json, meta::jsonb, hash
      from unnest($7::text[], $8::text[], $9::int[], $10::text[], $11::smallint[], $12::text[],
                  $13::text[], $14::bytea[])
           with ordinality as row (stream, category, version, type, schema, data, meta, hash, n)
     order by n"""
