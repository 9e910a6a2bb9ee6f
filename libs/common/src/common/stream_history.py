"""One stream as it stands in the log, for people: sealed unless asked otherwise, and checked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from common.database import Database
from common.epochs import PUBLIC_VERSION
from common.event_store import EventStore, chained, genesis
from common.messages import event_id
from common.personal_data import SEALED, SubjectKey, sealed_subjects, unseal

HIDDEN, ERASED = "[sealed]", "[erased]"


@dataclass(frozen=True)
class ShownEvent:
    """One event as it was written, in its own schema. `whole`: its hash is that of its content and
    of the hash before it."""

    id: UUID
    position: int
    stream: str
    version: int
    type: str
    schema: int
    recorded_at: datetime
    data: Mapping[str, Any]
    meta: Mapping[str, Any]
    whole: bool


async def history(
    database: Database, store: EventStore, stream: str, *, reveal: bool = False
) -> list[ShownEvent]:
    """A stream's events in version order; with `reveal` personal fields are opened.

    Raises `PersonalDataUnreadable` when the service's data key is another.
    """
    async with database.reader() as reader:
        rows = await reader.connection.fetch(_STREAM, stream)
        data = [orjson.loads(row["data"]) for row in rows]
        subjects = sealed_subjects(data)
        keys = await store.keys.get(reader, subjects) if reveal and subjects else None
    shown: list[ShownEvent] = []
    previous = genesis(stream)
    for row, values in zip(rows, data, strict=True):
        content = (row["type"], row["schema"], row["data"], row["meta"])
        expected = chained(previous, stream, row["version"], content)
        previous = row["hash"]
        shown.append(
            ShownEvent(
                id=event_id(store.source, stream, row["public_version"]),
                position=row["position"],
                stream=stream,
                version=row["version"],
                type=row["type"],
                schema=row["schema"],
                recorded_at=row["recorded_at"],
                data=_shown(row["type"], stream, values, keys),
                meta=row["meta"],
                whole=expected == row["hash"],
            )
        )
    return shown


async def find_streams(database: Database, source: str, text: str) -> list[tuple[str, int | None]]:
    """The streams that a stream's name, an aggregate's id or an event's id means.

    An event's id gives its version too. It is derived and not stored, so the log is searched, the
    newest events first.
    """
    async with database.reader() as reader:
        categories = [row["category"] for row in await reader.connection.fetch(_CATEGORIES)]
        found = await reader.connection.fetch(_NAMED, _names(text, categories))
        if found or (id := _uuid(text)) is None:
            return [(row["stream"], None) for row in found]
        async with reader.connection.transaction():
            async for row in reader.connection.cursor(_NEWEST, prefetch=5_000):
                if event_id(source, row["stream"], row["public_version"]) == id:
                    return [(row["stream"], row["version"])]
    return []


async def newest_streams(database: Database, limit: int = 1_000) -> Sequence[str]:
    """Names of streams that were written last, to suggest when one is misspelt."""
    async with database.reader() as reader:
        rows = await reader.connection.fetch(_NEWEST + " limit $1", limit)
    return list(dict.fromkeys(row["stream"] for row in rows))


def _names(text: str, categories: Collection[str]) -> list[str]:
    id = _uuid(text)
    return [text] if id is None else [f"{category}-{id}" for category in categories]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _shown(
    type_name: str, stream: str, data: dict[str, Any], keys: Mapping[str, SubjectKey] | None
) -> dict[str, Any]:
    names = {name for _, _, hidden in data.get(SEALED, {}).values() for name in hidden}
    if keys is None:
        data.pop(SEALED, None)
        return {**data, **dict.fromkeys(sorted(names), HIDDEN)}
    gone = {
        name
        for field, (_, box, hidden) in data.get(SEALED, {}).items()
        for name in hidden
        if box is None or (key := keys.get(data[field])) is None or key.cipher is None
    }
    unseal([(type_name, stream, data)], keys)
    return {**data, **dict.fromkeys(sorted(gone), ERASED)}


_STREAM = f"""
    select position, version, {PUBLIC_VERSION} as public_version, type, schema, data, meta, hash,
           recorded_at
      from events where stream = $1 order by version"""
_NAMED = "select distinct stream from events where stream = any($1::text[]) order by stream"
_NEWEST = f"""
    select stream, version, {PUBLIC_VERSION} as public_version
      from events order by position desc"""
_CATEGORIES = """
    with recursive known as (
        (select category from events order by category limit 1)
        union all
        select (select category from events where category > known.category
                 order by category limit 1) from known where known.category is not null)
    select category from known where category is not null"""
