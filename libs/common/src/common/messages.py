"""What services tell one another: the published language, its envelope (CloudEvents 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ConfigDict

EVENT_IDS = UUID("6f1a2b0e-6c1d-5d55-9a52-2f0c3f0f7a11")
"""The namespace of event ids; changing it would make every consumer see every event as new."""

CONTENT_TYPE = "application/cloudevents+json"


class PublishedEvent(BaseModel):
    """A public fact that others may rely on. Fields are only added, and only optional ones."""

    model_config = ConfigDict(frozen=True)

    type_name: ClassVar[str]


class ConsumedEvent(BaseModel):
    """The few fields that this service reads of a foreign fact; all others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type_name: ClassVar[str]


class MalformedMessage(Exception):
    """The bytes are not an envelope that we can read; repeating will not help."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message on the wire.

    `stream`, `version` and `prev` (the stream's previous public version, 0 for none) let a consumer
    see duplicates, reversals and losses. `data_subject` is the person whom the fields describe.
    """

    id: UUID
    source: str
    type: str
    stream: str
    version: int
    prev: int
    time: datetime
    data: Mapping[str, Any]
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    data_subject: UUID | None = None

    @property
    def subject(self) -> str:
        """What the message is about: `card/0198…`. The gateway's cache tags have the same form."""
        return subject_of(self.stream)

    def age(self, now: datetime) -> float:
        """Seconds since its fact was recorded; never below 0, for clocks differ."""
        return max(now.timestamp() - self.time.timestamp(), 0)

    def to_bytes(self) -> bytes:
        """The structured JSON form; absent extensions are left out."""
        document = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "stream": self.stream,
            "version": self.version,
            "prev": self.prev,
            "correlationid": self.correlation_id,
            "causationid": self.causation_id,
            "traceparent": self.traceparent,
            "datasubject": self.data_subject,
            "data": self.data,
        }
        present = {name: value for name, value in document.items() if value is not None}
        return orjson.dumps(present, option=orjson.OPT_UTC_Z)

    @staticmethod
    def from_bytes(raw: bytes) -> "Envelope":
        """Read one message. Raises `MalformedMessage` for anything else."""
        try:
            document = orjson.loads(raw)
            person = document.get("datasubject")
            return Envelope(
                id=UUID(document["id"]),
                source=_text(document["source"]),
                type=_text(document["type"]),
                stream=_text(document["stream"]),
                version=_number(document["version"]),
                prev=_number(document["prev"]),
                time=datetime.fromisoformat(document["time"]),
                data=_object(document["data"]),
                correlation_id=document.get("correlationid"),
                causation_id=document.get("causationid"),
                traceparent=document.get("traceparent"),
                data_subject=UUID(person) if person else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise MalformedMessage(f"not an envelope: {error!r}") from error


def event_id(source: str, stream: str, version: int) -> UUID:
    """The id of an event: derived, so it needs no index and is the same after every retry."""
    return uuid5(EVENT_IDS, f"{source}/{stream}/{version}")


def subject_of(stream: str) -> str:
    """`card-0198…` → `card/0198…`."""
    category, _, id = stream.partition("-")
    return f"{category}/{id}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a count expected")
    return value


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("an object expected")
    return value
