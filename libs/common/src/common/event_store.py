"""The log of one service: append with an expected version, load, verify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from common.database import Transaction
from common.event_types import EventTypes
from common.messages import event_id
from common.personal_data import SubjectKeys, seal, sealed_subjects, subjects_of, unseal


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event as it stands in the log."""

    id: UUID
    position: int
    stream: str
    version: int
    type: str
    event: Any
    meta: Mapping[str, Any]
    recorded_at: datetime


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

    async def load(
        self, transaction: Transaction, stream: str, *, after: int = 0, hash: bytes | None = None
    ) -> Stream:
        """The stream's events after a version, whose hash is `hash` (a snapshot's, say)."""
        rows = await transaction.connection.fetch(_LOAD, stream, after)
        if not rows:
            return Stream(stream, after, hash or genesis(stream), ())
        data = [orjson.loads(row["data"]) for row in rows]
        keys = await self._keys_for(transaction, data)
        events = [
            self.types.load(row["type"], row["schema"], unseal(row["type"], stream, values, keys))
            for row, values in zip(rows, data, strict=True)
        ]
        return Stream(stream, rows[-1]["version"], rows[-1]["hash"], events)

    async def append(
        self,
        transaction: Transaction,
        stream: Stream,
        events: Sequence[object],
        cause: Cause,
        answer: bytes | None = None,
    ) -> None:
        """Write the events and the command's row: one statement, the last before the commit.

        Raises `VersionConflict` and `DuplicateCommand`; the transaction is then lost.
        """
        rows = await self._rows(transaction, stream, events, cause)
        types, schemas, data, hashes = zip(*rows, strict=True)
        try:
            appended = await transaction.connection.fetchval(
                _APPEND,
                cause.command_id,
                cause.actor,
                stream.name,
                stream.version,
                cause.fingerprint,
                answer,
                cause.now,
                stream.name.partition("-")[0],
                cause.meta(),
                list(types),
                list(schemas),
                list(data),
                list(hashes),
            )
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "commands_pkey":
                raise DuplicateCommand from error
            raise VersionConflict from error
        if appended is None:
            raise VersionConflict

    async def recorded(
        self, transaction: Transaction, rows: Sequence[asyncpg.Record]
    ) -> list[Recorded]:
        """Rows of the log (of `events_after`) as events; one round trip for all missing keys."""
        data = [orjson.loads(row["data"]) for row in rows]
        keys = await self._keys_for(transaction, data)
        return [self._recorded(row, values, keys) for row, values in zip(rows, data, strict=True)]

    def _recorded(self, row: asyncpg.Record, data: dict[str, Any], keys: Any) -> Recorded:
        stream, version, type_name = row["stream"], row["version"], row["type"]
        event = self.types.load(type_name, row["schema"], unseal(type_name, stream, data, keys))
        return Recorded(
            event_id(self.source, stream, version),
            row["log_position"],
            stream,
            version,
            type_name,
            event,
            row["meta"],
            row["recorded_at"],
        )

    async def _keys_for(self, transaction: Transaction, data: Sequence[dict[str, Any]]) -> Any:
        subjects = {subject for values in data for subject in sealed_subjects(values)}
        return await self.keys.get(transaction, subjects) if subjects else {}

    async def _rows(
        self, transaction: Transaction, stream: Stream, events: Sequence[object], cause: Cause
    ) -> list[tuple[str, int, str, bytes]]:
        described = [(self.types.of(event), event) for event in events]
        plain = [(event_type, event_type.dump(event)) for event_type, event in described]
        subjects = {s for event_type, data in plain for s in subjects_of(event_type, data)}
        keys = await self.keys.get(transaction, subjects, create=True) if subjects else {}
        rows: list[tuple[str, int, str, bytes]] = []
        previous, meta = stream.hash, cause.meta()
        for version, (kind, data) in enumerate(plain, start=stream.version + 1):
            text = orjson.dumps(seal(kind, stream.name, data, keys)).decode()
            content = (kind.name, kind.schema, text, meta)
            previous = chained(previous, stream.name, version, content)
            rows.append((kind.name, kind.schema, text, previous))
        return rows


_LOAD = """
    select version, type, schema, data, hash from events
     where stream = $1 and version > $2 order by version"""

_APPEND = """
    with command as (
        insert into commands
               (id, actor, stream, first_version, last_version, fingerprint, answer, at)
        values ($1, $2, $3, $4 + 1, $4 + cardinality($10::text[]), $5, $6, $7)
    )
    insert into events (stream, category, version, type, schema, data, meta, hash)
    select $3, $8, $4 + row.n, row.type, row.schema, row.data::json, $9, row.hash
      from unnest($10::text[], $11::smallint[], $12::text[], $13::bytea[])
           with ordinality as row (type, schema, data, hash, n)
     where (select coalesce(max(version), 0) from events where stream = $3) = $4
     order by row.n
    returning position"""
