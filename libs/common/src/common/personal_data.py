"""What tells something of a person is sealed under that person's key; erasing destroys the key.

The log stays whole and its hashes stay right, because the sealed bytes stay; nobody can read them
any more. Keys are wrapped by the service's data key: a copy of the table alone opens nothing.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pybase64 import b64decode, b64encode_as_string

from common.database import Transaction
from common.event_types import EventType, PersonalField
from common.statements import Statement, Write

SEALED = "$sealed"
"""The member of an event's data with, per subject field: key number, sealed bytes, names."""

CACHE_SECONDS = 60
NONCE_BYTES = 12


class PersonalDataUnreadable(Exception):
    """The sealed bytes do not fit the key: the data key was changed, or somebody tampered."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """One person's key; without a cipher it has been destroyed."""

    n: int
    cipher: AESGCM | None


class SubjectKeys:
    """The keys of all persons of one service, remembered for at most a minute."""

    def __init__(self, data_key: bytes) -> None:
        self._wrapping = AESGCM(data_key)
        self._cache: dict[str, tuple[float, SubjectKey]] = {}

    async def get(
        self, transaction: Transaction, subjects: Collection[str]
    ) -> Mapping[str, SubjectKey]:
        """The keys of those of these persons who have one, by the text of their ids.

        What a transaction finds is remembered only after its commit: a key that it made and a
        rollback took back would seal later events for nobody.
        """
        now = time.monotonic()
        found = {s: key for s in subjects if (key := self._remembered(s, now))}
        missing = [s for s in subjects if s not in found]
        if missing:
            rows = await transaction.connection.fetch(_STORED, missing)
            stored = {str(row["subject"]): self._unwrap(**row) for row in rows}
            self._remember_when_true(transaction, stored)
            found |= stored
        return found

    async def to_seal(
        self, transaction: Transaction, subjects: Collection[str]
    ) -> tuple[Mapping[str, SubjectKey], Sequence[Write]]:
        """The keys of all these persons, and the writes that keep those that had to be made.

        Where two make a person's first key at once, one of the writes violates its primary key.
        """
        found = await self.get(transaction, subjects)
        fresh = {
            subject: AESGCM.generate_key(bit_length=256)
            for subject in sorted(subjects)
            if subject not in found
        }
        made = {subject: SubjectKey(1, AESGCM(key)) for subject, key in fresh.items()}
        writes = []
        for subject, key in fresh.items():
            wrapped = self.seal_bytes(key, f"{subject}/1")
            writes.append(
                Write(_CREATE, {"subject": subject, "wrapped": wrapped}, ("key", subject))
            )
        if made:
            transaction.after_commit(lambda: self._remember(made, time.monotonic()))
        return {**found, **made}, writes

    async def erase(self, transaction: Transaction, subject: UUID, now: datetime) -> None:
        """Destroy a person's keys, and every stored copy that is not sealed under them."""
        await transaction.connection.execute(_DESTROY, subject, now)
        await transaction.connection.execute(_CLEAR_PARKED, subject)
        await transaction.connection.execute(_CLEAR_ANSWERS, subject)
        # a snapshot may hold anybody's data and is only a cache
        await transaction.connection.execute("delete from snapshots")
        transaction.after_commit(lambda: self._forget(str(subject)))

    def seal_bytes(self, plain: bytes, purpose: str) -> bytes:
        """Seal under the service's own data key, for short-lived copies."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, plain, purpose.encode())

    def open_bytes(self, sealed: bytes, purpose: str) -> bytes:
        """The reverse of `seal_bytes`. Raises `PersonalDataUnreadable`."""
        return _open(self._wrapping, sealed, purpose.encode())

    def _remembered(self, subject: str, now: float) -> SubjectKey | None:
        entry = self._cache.get(subject)
        return entry[1] if entry and entry[0] > now else None

    def _remember_when_true(self, transaction: Transaction, keys: Mapping[str, SubjectKey]) -> None:
        if transaction.connection.is_in_transaction():
            transaction.after_commit(lambda: self._remember(keys, time.monotonic()))
        else:
            self._remember(keys, time.monotonic())

    def _remember(self, keys: Mapping[str, SubjectKey], now: float) -> None:
        if len(self._cache) > 50_000:
            self._cache.clear()
        for subject, key in keys.items():
            self._cache[subject] = (now + CACHE_SECONDS, key)

    def forget_all(self) -> None:
        """Read every key anew: the database is another one than it was."""
        self._cache.clear()

    def _forget(self, subject: str) -> None:
        self._cache.pop(subject, None)

    def _unwrap(self, subject: UUID, n: int, wrapped: bytes | None) -> SubjectKey:
        if wrapped is None:
            return SubjectKey(n, None)
        return SubjectKey(n, AESGCM(self.open_bytes(wrapped, f"{subject}/{n}")))


_STORED = """
    select distinct on (subject) subject, n, wrapped from subject_keys
     where subject = any($1::uuid[]) order by subject, n desc"""
_CREATE = Statement(
    sa.insert(
        sa.table(
            "subject_keys",
            sa.column("subject", sa.Uuid),
            sa.column("n", sa.Integer),
            sa.column("wrapped", sa.LargeBinary),
        )
    ).values(subject=sa.bindparam("subject"), n=sa.literal(1), wrapped=sa.bindparam("wrapped"))
)
_DESTROY = """
    insert into subject_keys (subject, n, wrapped, erased_at) values ($1, 1, null, $2)
        on conflict (subject, n) do update set wrapped = null, erased_at = excluded.erased_at"""
_CLEAR_ANSWERS = "update commands set answer = null where actor = $1 and answer is not null"
_CLEAR_PARKED = "update parked set raw = null, error = 'erased' where data_subject = $1"


def persons_of(event_type: EventType, event: object) -> set[str]:
    """The persons of whom the event tells, as the text of their ids."""
    return {str(getattr(event, field.subject)) for field in event_type.personal}


def seal(
    event_type: EventType, stream: str, data: dict[str, Any], keys: Mapping[str, SubjectKey]
) -> dict[str, Any]:
    """The data with every personal field moved into sealed bytes, one parcel per person.

    A person who has been erased leaves nothing: the values are dropped, only the names stay.
    """
    if not event_type.personal:
        return data
    sealed: dict[str, list[Any]] = {}
    for subject_field, names in _by_subject(event_type.personal).items():
        parcel = orjson.dumps({name: data.pop(name) for name in names})
        key = keys[data[subject_field]]
        box = _encrypt(key.cipher, parcel, _purpose(stream, event_type.name, subject_field))
        sealed[subject_field] = [key.n, box, names]
    return {**data, SEALED: sealed}


def unseal(
    events: Iterable[tuple[str, str, dict[str, Any]]], keys: Mapping[str, SubjectKey]
) -> None:
    """Put the personal fields of events (type name, stream, data) back in place, in their data;
    `None` for those of an erased person. Raises `PersonalDataUnreadable`.

    Of many at once: a long stream is a loop of little work, where each call and each parse counts.
    """
    homes: list[dict[str, Any]] = []
    parcels: list[bytes] = []
    for type_name, stream, data in events:
        for subject_field, (_, box, names) in data.pop(SEALED, _NOTHING).items():
            key = keys.get(data[subject_field])
            if key is None or key.cipher is None or box is None:
                data.update(dict.fromkeys(names))
                continue
            # by position: naming its arguments costs as much again as the decoding
            sealed = b64decode(box, None, True)
            parcels.append(_open(key.cipher, sealed, _purpose(stream, type_name, subject_field)))
            homes.append(data)
    for data, fields in zip(homes, orjson.loads(b"[%b]" % b",".join(parcels)), strict=True):
        data |= fields


def sealed_subjects(data: Iterable[Mapping[str, Any]]) -> set[str]:
    """The persons whose keys are needed to read these."""
    return {values[field] for values in data for field in values.get(SEALED, ())}


_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _by_subject(personal: tuple[PersonalField, ...]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for field in personal:
        grouped.setdefault(field.subject, []).append(field.name)
    return grouped


def _purpose(stream: str, type_name: str, field: str) -> bytes:
    # not the version: a lost race appends the same bytes under the next one
    return f"{stream}|{type_name}|{field}".encode()


def _encrypt(cipher: AESGCM | None, plain: bytes, purpose: bytes) -> str | None:
    if cipher is None:
        return None
    nonce = os.urandom(NONCE_BYTES)
    box = nonce + cipher.encrypt(nonce, plain, purpose)
    return b64encode_as_string(box)


def _open(cipher: AESGCM, sealed: bytes, purpose: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)
    except InvalidTag:
        what = purpose.partition(b"|")[0].decode()
        raise PersonalDataUnreadable(f"cannot open {what}") from None
