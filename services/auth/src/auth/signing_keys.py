"""The keys that sign access tokens: made at the first start, kept sealed in auth's database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from common.access_tokens import SigningKey
from common.database import Database, Transaction
from common.ids import uuid7
from common.personal_data import SubjectKeys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True)
class SigningKeys:
    """The current key, and all that a token may still be signed with."""

    current: SigningKey
    public: Mapping[str, Ed25519PublicKey]


async def signing_keys(database: Database, keys: SubjectKeys, now: datetime) -> SigningKeys:
    """Load them, making the first one under a lock so that two processes agree on it."""
    async with database.transaction() as transaction:
        await transaction.connection.execute(_LOCK)
        if await transaction.connection.fetchval(_NONE):
            await _make(transaction, keys, now)
        rows = await transaction.connection.fetch(_ALL)
    private = {
        row["kid"]: Ed25519PrivateKey.from_private_bytes(
            keys.open_bytes(row["wrapped"], f"signing key {row['kid']}")
        )
        for row in rows
    }
    newest = rows[0]["kid"]
    public = {kid: key.public_key() for kid, key in private.items()}
    return SigningKeys(SigningKey(newest, private[newest]), public)


async def _make(transaction: Transaction, keys: SubjectKeys, now: datetime) -> None:
    kid = str(uuid7())
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    wrapped = keys.seal_bytes(raw, f"signing key {kid}")
    await transaction.connection.execute(_INSERT, kid, wrapped, now)


_LOCK = "select pg_advisory_xact_lock(hashtext('auth'), hashtext('signing keys'))"
_NONE = "select not exists (select from signing_keys)"
_ALL = "select kid, wrapped from signing_keys order by created_at desc, kid desc"
_INSERT = "insert into signing_keys (kid, wrapped, created_at) values ($1, $2, $3)"
