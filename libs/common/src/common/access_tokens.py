"""Who calls: auth's access tokens, and the short internal token that the gateway makes of them.

Time is an argument everywhere, so PyJWT's own clock is switched off and the checks stand here.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest, digest
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common.problems import Unauthenticated

IDENTITY_HEADER = "cartulary-identity"
"""Carries the internal token from the gateway to a service; the gateway removes it from outside."""

CLIENT_HEADER = "cartulary-client"
"""Carries the client's address from the gateway to a service, sealed by `InternalTokens`."""

STAFF = frozenset({"admin", "support"})
"""The roles that may look at other people's things; only `admin` may change them."""

ACCESS_TYPE = "at+jwt"
INTERNAL_TYPE = "cartulary-internal+jwt"
ACCESS_LIFETIME = timedelta(minutes=10)
INTERNAL_LIFETIME = timedelta(seconds=60)
LEEWAY = timedelta(seconds=5)
UNCHECKED = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class InvalidToken(Unauthenticated):
    """A token was shown and we do not believe it."""

    code = "invalid_token"
    detail = "The access token is malformed, expired or not ours. Log in again."


class UnknownKey(InvalidToken):
    """The token names a signing key that we do not know (yet)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose token was verified."""

    account_id: UUID
    session_id: UUID
    roles: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True)
class SigningKey:
    """A private key and the name under which its public half is published."""

    kid: str
    private: Ed25519PrivateKey


def sign_access_token(
    key: SigningKey,
    *,
    account_id: UUID,
    session_id: UUID,
    roles: frozenset[str],
    issuer: str,
    audience: str,
    now: datetime,
) -> str:
    """An access token for ten minutes; no personal data in it."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": str(account_id),
        "sid": str(session_id),
        "roles": sorted(roles),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFETIME).timestamp()),
    }
    headers = {"typ": ACCESS_TYPE, "kid": key.kid}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


def verify_access_token(
    token: str,
    keys: Mapping[str, Ed25519PublicKey],
    *,
    issuer: str,
    audience: str,
    now: datetime,
) -> Identity:
    """The caller. Raises `UnknownKey` for a `kid` that is not in `keys`, else `InvalidToken`."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise InvalidToken from error
    if header.get("typ") != ACCESS_TYPE or header.get("alg") != "EdDSA":
        raise InvalidToken
    key = keys.get(str(header.get("kid")))
    if key is None:
        raise UnknownKey
    try:
        claims = jwt.decode(token, key, algorithms=["EdDSA"], options=UNCHECKED)  # type: ignore[arg-type] # a TypedDict
    except jwt.InvalidTokenError as error:
        raise InvalidToken from error
    if claims.get("iss") != issuer or claims.get("aud") != audience:
        raise InvalidToken
    return _identity(claims, now)


def jwks(keys: Mapping[str, Ed25519PublicKey]) -> dict[str, Any]:
    """The public halves as a JSON Web Key Set (RFC 8037)."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": kid,
                "x": urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode(),
            }
            for kid, key in keys.items()
        ]
    }


def read_jwks(document: Any) -> dict[str, Ed25519PublicKey]:
    """The Ed25519 keys of a key set; others are ignored. Raises `ValueError` for nonsense."""
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a key set")
    try:
        return {
            str(entry["kid"]): Ed25519PublicKey.from_public_bytes(_decoded(entry["x"]))
            for entry in document["keys"]
            if entry.get("kty") == "OKP" and entry.get("crv") == "Ed25519"
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a key set") from error


MOST_BELIEVED = 10_000
"""Internal tokens remembered at once: some megabytes."""


class InternalTokens:
    """The identity that the gateway hands to services, signed with a secret that they share."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._believed: dict[str, Identity] = {}

    def sign(self, identity: Identity, now: datetime) -> str:
        """A token for one minute."""
        claims = {
            "sub": str(identity.account_id),
            "sid": str(identity.session_id),
            "roles": sorted(identity.roles),
            "exp": int((now + INTERNAL_LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._secret, algorithm="HS256", headers={"typ": INTERNAL_TYPE})

    def sign_client(self, address: str) -> str:
        """The address that a request came from, for routes without a caller, too."""
        return f"{address} {self._seal_of(address)}"

    def client(self, signed: str) -> str | None:
        """The address, unless somebody else than the gateway wrote it."""
        address, _, seal = signed.partition(" ")
        return address if compare_digest(seal.encode(), self._seal_of(address).encode()) else None

    def _seal_of(self, address: str) -> str:
        return digest(self._secret.encode(), b"client " + address.encode(), "sha256").hex()

    def verify(self, token: str, now: datetime) -> Identity:
        """The caller. Raises `InvalidToken`.

        The gateway sends one token for a while, and reading it anew cost a tenth of a request.
        """
        identity = self._believed.get(token)
        if identity is None:
            identity = self._read(token, now)
            if len(self._believed) >= MOST_BELIEVED:
                self._believed.clear()
            self._believed[token] = identity
        elif now - LEEWAY > identity.expires_at:
            raise InvalidToken
        return identity

    def _read(self, token: str, now: datetime) -> Identity:
        try:
            decoded = jwt.decode_complete(
                token,
                self._secret,
                algorithms=["HS256"],
                options=UNCHECKED,  # type: ignore[arg-type] # a TypedDict
            )
        except jwt.InvalidTokenError as error:
            raise InvalidToken from error
        if decoded["header"].get("typ") != INTERNAL_TYPE:
            raise InvalidToken
        return _identity(decoded["payload"], now)


def _decoded(text: str) -> bytes:
    """Base64url as JSON Web Keys have it: without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _identity(claims: Mapping[str, Any], now: datetime) -> Identity:
    try:
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        not_before = datetime.fromtimestamp(claims.get("nbf", 0), UTC)
        identity = Identity(
            UUID(claims["sub"]), UUID(claims["sid"]), frozenset(claims["roles"]), expires_at
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidToken from error
    # the leeway goes to our side: a date at the end of the calendar has no later one
    if now - LEEWAY > expires_at or now + LEEWAY < not_before:
        raise InvalidToken
    return identity
