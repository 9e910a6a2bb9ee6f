"""Personal fields of public messages are sealed under a key that the services share.

So the broker, its queues and its disks never hold them in clear. One parcel a message; which fields
it holds, and of whom, is declared by the message class (`Personal`, `Subject`).
"""

import os
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from common.facts import DataSubject, PersonalData
from common.messages import ConsumedEvent, Envelope, MalformedMessage, PublishedEvent

SEALED = "sealed"
NONCE_BYTES = 12

ConsumedT = TypeVar("ConsumedT", bound=ConsumedEvent)


class WireSeal:
    """Seals what leaves a service and opens what arrives."""

    def __init__(self, wire_key: bytes) -> None:
        self._cipher = AESGCM(wire_key)

    def dump(self, message: PublishedEvent, id: UUID) -> tuple[dict[str, Any], UUID | None]:
        """The message's data with personal fields sealed, and the person whom they describe."""
        data = message.model_dump(mode="json")
        personal, subject = declared_personal(type(message))
        person = getattr(message, subject) if subject else None
        if not personal:
            return data, person
        plain = orjson.dumps({name: data.pop(name) for name in personal})
        nonce = os.urandom(NONCE_BYTES)
        box = nonce + self._cipher.encrypt(nonce, plain, id.bytes)
        return {**data, SEALED: b64encode(box).decode()}, person

    def load(self, cls: type[ConsumedT], envelope: Envelope) -> ConsumedT:
        """The message as its reader declares it. Raises `MalformedMessage`."""
        try:
            return cls.model_validate(self._opened(envelope))
        except (ValueError, InvalidTag) as error:
            # not the error's own text: it may quote what the message says of a person
            raise MalformedMessage(f"{envelope.type} cannot be read as {cls.__name__}") from error

    def _opened(self, envelope: Envelope) -> Mapping[str, Any]:
        box = envelope.data.get(SEALED)
        if box is None:
            return envelope.data
        raw = a2b_base64(box)
        plain = self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], envelope.id.bytes)
        return {**envelope.data, **orjson.loads(plain)}


@cache
def declared_personal(cls: type[PublishedEvent]) -> tuple[tuple[str, ...], str | None]:
    """The names of a message's personal fields, and of the field that says whose they are."""
    marks = {name: [type(m) for m in info.metadata] for name, info in cls.model_fields.items()}
    personal = tuple(name for name, found in marks.items() if PersonalData in found)
    subjects = [name for name, found in marks.items() if DataSubject in found]
    return personal, subjects[0] if subjects else None
