"""The log of one service: append with an expected version, load, verify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from hashlib import sha256
from itertools import repeat
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from prometheus_client import Counter

from common.database import Transaction
from common.epochs import Epochs
from common.event_types import EventTypes
from common.messages import event_id
from common.personal_data import (
    SubjectKey,
    SubjectKeys,
    persons_of,
    seal,
    sealed_subjects,
    unseal,
)
from common.statements import Write

APPENDED = Counter("cartulary_events_appended_total", "Events committed", ["service", "type"])
CONFLICTS = Counter(
    "cartulary_append_conflicts_total", "Appends that lost a race", ["service", "category"]
)


class VersionConflict(Exception):
    """Somebody appended to the stream since it was loaded."""


class DuplicateCommand(Exception):
    """A command with this id has been carried out already."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why and for whom something happens; written beside every event that follows from it.

    `fingerprint` is that of the request when its caller may repeat it under the same id
    (`Idempotency-Key`); the answer is then kept for a day.
    """

    command_id: UUID
    now: datetime
    actor: UUID | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    fingerprint: bytes | None = None

    def meta(self) -> dict[str, str]:
        """What stands beside the event; no personal data."""
        present = {
            "command": str(self.command_id),
            "actor": str(self.actor) if self.actor else None,
            "correlation": self.correlation_id,
            "causation": self.causation_id,
            "traceparent": self.traceparent,
        }
        return {name: value for name, value in present.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Stream:
    """What has happened in one stream, after `version - len(events)`."""

    name: str
    version: int
    hash: bytes
    events: Sequence[Any]

    @staticmethod
    def begun(name: str) -> "Stream":
        """One in which nothing has happened."""
        return Stream(name, 0, genesis(name), ())


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event as it stands in the log. Others see its version with `shift` added (`epochs`)."""

    source: str
    position: int
    stream: str
    version: int
    type: str
    event: Any
    meta: Mapping[str, Any]
    recorded_at: datetime
    shift: int = 0

    @property
    def public_version(self) -> int:
        """Its version where other services see it."""
        return self.version + self.shift

    @property
    def id(self) -> UUID:
        """The event's id, made when asked for: a rebuild reads a million events and no id."""
        return event_id(self.source, self.stream, self.public_version)


def genesis(stream: str) -> bytes:
    """The hash before the first event of a stream."""
    return sha256(stream.encode()).digest()


def chained(previous: bytes, stream: str, version: int, row: Sequence[Any]) -> bytes:
    """The hash of an event: over the one before it and (type, schema, data as text, meta)."""
    content = orjson.dumps([stream, version, *row], option=orjson.OPT_SORT_KEYS)
    return sha256(previous + content).digest()


class EventStore:
    """Reads and writes the streams of one service. `source` names the service in event ids."""

    def __init__(self, source: str, types: EventTypes, keys: SubjectKeys) -> None:
        self.source = source
        self.types = types
        self.keys = keys
        self.epochs = Epochs()

    async def load(
        self, transaction: Transaction, stream: str, *, after: int = 0, hash: bytes | None = None
    ) -> Stream:
        """The stream's events after a version, whose hash is `hash` (a snapshot's, say)."""
        rows = await transaction.connection.fetch(_LOAD, stream, after)
        if not rows:
            return Stream(stream, after, hash or genesis(stream), ())
        events = await self.events_of(transaction, rows, stream)
        return Stream(stream, rows[-1]["version"], rows[-1]["hash"], events)

    async def append(
        self,
        transaction: Transaction,
        stream: Stream,
        events: Sequence[object],
        cause: Cause,
        *,
        answer: bytes | None = None,
        writes: Sequence[Write] = (),
    ) -> None:
        """Write the events, the command's row and what follows from them, all or nothing.

        It is one statement, so that a command costs two round trips, and the last before the
        commit. Raises `VersionConflict`, `DuplicateCommand`, and `asyncpg.UniqueViolationError` for
        the writes' own keys; a transaction is then lost.
        """
        keys, made = await self.keys_to_seal(transaction, events)
        meta = cause.meta()
        rows = self.sealed_rows(stream, events, meta, keys)
        category = stream.name.partition("-")[0]
        arguments = (
            cause.command_id,
            cause.actor,
            stream.name,
            stream.version,
            cause.fingerprint,
            answer,
            cause.now,
            category,
            meta,
            *(value for row in rows for value in row),
        )
        try:
            await transaction.write_together(_append(len(rows)), arguments, [*made, *writes])
        except (asyncpg.NotNullViolationError, asyncpg.UniqueViolationError) as error:
            if (meaning := self.meaning(error, category)) is None:
                raise
            raise meaning from error
        transaction.after_commit(partial(count, [row[0] for row in rows]))

    def meaning(
        self, error: asyncpg.IntegrityConstraintViolationError, category: str
    ) -> type[Exception] | None:
        """What a violated constraint of the log says."""
        rule = error.constraint_name or f"{error.table_name}.{error.column_name}"
        meaning = _MEANINGS.get(rule)
        if meaning is VersionConflict:
            CONFLICTS.labels(self.source, category).inc()
        return meaning

    async def recorded(
        self, transaction: Transaction, rows: Sequence[asyncpg.Record]
    ) -> list[Recorded]:
        """Rows of the log (of `events_after`) as events; one round trip for all missing keys."""
        return [
            Recorded(
                self.source,
                row["log_position"],
                row["stream"],
                row["version"],
                row["type"],
                event,
                row["meta"],
                row["recorded_at"],
                self.epochs.shift_at(row["log_position"]),
            )
            for row, event in zip(rows, await self.events_of(transaction, rows), strict=True)
        ]

    async def events_of(
        self, transaction: Transaction, rows: Sequence[asyncpg.Record], stream: str | None = None
    ) -> list[Any]:
        """The bare events of rows with a type, schema and data, all of `stream` or with theirs."""
        data = [orjson.loads(row["data"]) for row in rows]
        subjects = sealed_subjects(data)
        keys = await self.keys.get(transaction, subjects) if subjects else {}
        streams = repeat(stream, len(rows)) if stream else map(_STREAM, rows)
        unseal(zip(map(_TYPE, rows), streams, data, strict=True), keys)
        load = self.types.load
        return [
            load(row["type"], row["schema"], values) for row, values in zip(rows, data, strict=True)
        ]

    async def keys_to_seal(
        self, transaction: Transaction, events: Sequence[object]
    ) -> tuple[Mapping[str, SubjectKey], Sequence[Write]]:
        """The keys of all whom the events tell of, and the writes that keep the new ones."""
        subjects = {
            subject for event in events for subject in persons_of(self.types.of(event), event)
        }
        return await self.keys.to_seal(transaction, subjects) if subjects else ({}, ())

    def sealed_rows(
        self,
        stream: Stream,
        events: Sequence[object],
        meta: Mapping[str, str],
        keys: Mapping[str, SubjectKey],
    ) -> list[tuple[str, int, str, bytes]]:
        """(type, schema, data, hash) of events that follow in the stream."""
        rows: list[tuple[str, int, str, bytes]] = []
        previous = stream.hash
        for version, event in enumerate(events, start=stream.version + 1):
            kind = self.types.of(event)
            text = orjson.dumps(seal(kind, stream.name, kind.dump(event), keys)).decode()
            content = (kind.name, kind.schema, text, meta)
            previous = chained(previous, stream.name, version, content)
            rows.append((kind.name, kind.schema, text, previous))
        return rows


_MEANINGS: Mapping[str, type[Exception]] = {
    "commands_pkey": DuplicateCommand,
    "events_stream_version_key": VersionConflict,
    "subject_keys_pkey": VersionConflict,
    "events.version": VersionConflict,
}

_STREAM = itemgetter("stream")
_TYPE = itemgetter("type")

_LOAD = """
    select version, type, schema, data, hash from events
     where stream = $1 and version > $2 order by version"""

_APPEND = """
    with command as (
        insert into commands
               (id, actor, stream, first_version, last_version, fingerprint, answer, at)
        values ($1, $2, $3, $4 + 1, $4 + {count}, $5, $6, $7)
    )
    insert into events (stream, category, version, type, schema, data, meta, hash)
    values {rows}"""
_ROW = "($3, $8, {version}, ${0}, ${1}, ${2}, $9, ${3})"
# Without the expected version the first one is null, which the table refuses: nothing may be left
# out in silence when the statement is committed by itself. An array of rows costs a tenth more.
_FIRST = """
    case when $4 = 0 or exists (select from events where stream = $3 and version = $4)
         then $4::int + 1 end"""


def count(types: Sequence[str]) -> None:
    """Events of these types were committed."""
    for name in types:
        _appended(name).inc()


@lru_cache(maxsize=1024)
def _appended(type_name: str) -> Counter:
    """Bound once: the labels' look-up costs more than the count."""
    return APPENDED.labels(type_name.partition(".")[0], type_name)


@lru_cache(maxsize=100)
def _append(count: int) -> str:
    versions = [_FIRST, *(f"$4::int + {n}" for n in range(2, count + 1))]
    rows = [_ROW.format(*range(10 + 4 * n, 14 + 4 * n), version=v) for n, v in enumerate(versions)]
    return _APPEND.format(count=count, rows=", ".join(rows))
