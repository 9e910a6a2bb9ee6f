"""The keys that sign access tokens: a next one, the current one, and those that retire.

A key is published before it signs and for as long as a token of its making may live, so that nobody
who verifies tokens ever meets a key that they could not have heard of. Which one signs follows from
the time alone: no process has to tell another when the hour has come. Kept sealed in the database.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import structlog
from common.access_tokens import SigningKey
from common.clock import Clock
from common.database import Database, Transaction
from common.ids import uuid7
from common.personal_data import SubjectKeys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from prometheus_client import Gauge

SIGNS_SINCE = Gauge(
    "cartulary_signing_key_start_timestamp_seconds", "When the current signing key began to sign"
)

PUBLISHED_BEFORE = timedelta(minutes=15)
"""How long a key is known before it signs: every process of ours and every cache has read it."""
RETIRED_AFTER = timedelta(hours=1)
"""How long a key is known after the last token that it may have signed was handed out."""
RENEWED_EVERY = timedelta(days=90)
FRESH_SECONDS = 60.0
CHECKED_SECONDS = 600.0

log = structlog.get_logger(__name__)


class KeyState(Enum):
    """What a key is for at a given time."""

    NEXT = "next"
    CURRENT = "current"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True)
class KeyTimes:
    """One key without its secret: from when it signs, and until when it is published."""

    kid: str
    state: KeyState
    signs_from: datetime
    published_until: datetime | None


def key_times(starts: Mapping[str, datetime], now: datetime) -> list[KeyTimes]:
    """The keys, newest first, from the times at which they begin to sign."""
    found: list[KeyTimes] = []
    successor: datetime | None = None
    for kid, signs_from in sorted(starts.items(), key=lambda key: (key[1], key[0]), reverse=True):
        until = None if successor is None else successor + RETIRED_AFTER
        if signs_from > now:
            state = KeyState.NEXT
        elif successor is None or successor > now:
            state = KeyState.CURRENT
        else:
            state = KeyState.RETIRING if now < successor + RETIRED_AFTER else KeyState.RETIRED
        found.append(KeyTimes(kid, state, signs_from, until))
        successor = signs_from
    return found


class SigningKeys:
    """The keys as this process knows them, read again every minute."""

    def __init__(self, database: Database, keys: SubjectKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._private: Mapping[str, Ed25519PrivateKey] = {}
        self._starts: Mapping[str, datetime] = {}

    @property
    def current(self) -> SigningKey:
        """The key to sign with now."""
        times = key_times(self._starts, self._clock.now())
        kid = next(key.kid for key in times if key.state is KeyState.CURRENT)
        return SigningKey(kid, self._private[kid])

    @property
    def public(self) -> Mapping[str, Ed25519PublicKey]:
        """All that a token may be verified with: next, current and retiring."""
        return {
            key.kid: self._private[key.kid].public_key()
            for key in key_times(self._starts, self._clock.now())
            if key.state is not KeyState.RETIRED
        }

    async def refresh(self) -> None:
        """Read the keys, making the first one if there is none."""
        async with self._database.transaction() as transaction:
            await transaction.connection.execute(_LOCK)
            now = self._clock.now()
            if not await transaction.connection.fetchval(_ANY):
                await _make(transaction, self._keys, now, signs_from=now)
            rows = await transaction.connection.fetch(_ALL)
        self._private = {
            row["kid"]: Ed25519PrivateKey.from_private_bytes(
                self._keys.open_bytes(row["wrapped"], f"signing key {row['kid']}")
            )
            for row in rows
        }
        self._starts = {row["kid"]: row["signs_from"] for row in rows}
        SIGNS_SINCE.set(self._starts[self.current.kid].timestamp())

    async def keep_fresh(self) -> None:
        """Read them again every minute, until cancelled."""
        while True:
            await asyncio.sleep(FRESH_SECONDS)
            await self.refresh()


async def listed(database: Database, now: datetime) -> list[KeyTimes]:
    """All keys, newest first."""
    async with database.reader() as reader:
        return await _times(reader, now)


async def rotate(database: Database, keys: SubjectKeys, now: datetime) -> KeyTimes:
    """Publish a next key, which signs a quarter of an hour from now; the one that waits, if any."""
    async with database.transaction() as transaction:
        await transaction.connection.execute(_LOCK)
        return await _rotate(transaction, keys, now)


async def replace_at_once(database: Database, keys: SubjectKeys, now: datetime) -> str:
    """Sign with a new key from now on and believe no token of any other: a key has leaked.

    Everybody has to refresh. Processes of auth notice within a minute, gateways with the first new
    token, at the latest within five. Returns the new kid.
    """
    async with database.transaction() as transaction:
        await transaction.connection.execute(_LOCK)
        await transaction.connection.execute("delete from signing_keys")
        kid = await _make(transaction, keys, now, signs_from=now)
    log.warning("signing_keys_replaced", kid=kid)
    return kid


async def renew(database: Database, keys: SubjectKeys, now: datetime) -> None:
    """Drop what has retired; publish a next key when the current one is old enough."""
    async with database.transaction() as transaction:
        await transaction.connection.execute(_LOCK)
        times = await _times(transaction, now)
        retired = [key.kid for key in times if key.state is KeyState.RETIRED]
        await transaction.connection.execute(_DROP, retired)
        if times and times[0].signs_from + RENEWED_EVERY - PUBLISHED_BEFORE <= now:
            await _rotate(transaction, keys, now)


async def keep_renewed(database: Database, keys: SubjectKeys, clock: Clock) -> None:
    """Look whether it is time, until cancelled; any number of workers may."""
    while True:
        await renew(database, keys, clock.now())
        await asyncio.sleep(CHECKED_SECONDS)


async def _rotate(transaction: Transaction, keys: SubjectKeys, now: datetime) -> KeyTimes:
    times = await _times(transaction, now)
    if not times or times[0].state is not KeyState.NEXT:
        kid = await _make(transaction, keys, now, signs_from=now + PUBLISHED_BEFORE)
        log.info("signing_key_published", kid=kid)
        times = await _times(transaction, now)
    return times[0]


async def _times(transaction: Transaction, now: datetime) -> list[KeyTimes]:
    rows: Sequence[Mapping[str, datetime]] = await transaction.connection.fetch(_STARTS)
    return key_times({str(row["kid"]): row["signs_from"] for row in rows}, now)


async def _make(
    transaction: Transaction, keys: SubjectKeys, now: datetime, *, signs_from: datetime
) -> str:
    kid = str(uuid7())
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    wrapped = keys.seal_bytes(raw, f"signing key {kid}")
    await transaction.connection.execute(_INSERT, kid, wrapped, now, signs_from)
    return kid


_LOCK = "select pg_advisory_xact_lock(hashtext('auth'), hashtext('signing keys'))"
_ANY = "select exists (select from signing_keys)"
_ALL = "select kid, wrapped, signs_from from signing_keys"
_STARTS = "select kid, signs_from from signing_keys"
_DROP = "delete from signing_keys where kid = any($1::text[])"
_INSERT = """
    insert into signing_keys (kid, wrapped, created_at, signs_from) values ($1, $2, $3, $4)"""
