"""Tokens: believed only when every part of them is ours and in time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from common.access_tokens import (
    ACCESS_LIFETIME,
    Identity,
    InternalTokens,
    InvalidToken,
    SigningKey,
    UnknownKey,
    jwks,
    read_jwks,
    sign_access_token,
    verify_access_token,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = SigningKey("k1", Ed25519PrivateKey.generate())
KEYS = read_jwks(jwks({"k1": KEY.private.public_key()}))
ACCOUNT, SESSION = uuid4(), uuid4()


def token(**changes: Any) -> str:
    how: dict[str, Any] = {
        "account_id": ACCOUNT,
        "session_id": SESSION,
        "roles": frozenset({"user"}),
        "issuer": "cartulary",
        "audience": "cartulary",
        "now": NOW,
    }
    return sign_access_token(changes.pop("key", KEY), **{**how, **changes})


def verify(text: str, now: datetime = NOW) -> Identity:
    return verify_access_token(text, KEYS, issuer="cartulary", audience="cartulary", now=now)


def test_a_good_token_names_its_caller() -> None:
    assert verify(token()) == Identity(ACCOUNT, SESSION, frozenset({"user"}), NOW + ACCESS_LIFETIME)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.y.z",
        token(issuer="somebody"),
        token(audience="else"),
        token(now=NOW - timedelta(minutes=11)),
        token(key=SigningKey("k1", Ed25519PrivateKey.generate())),
        jwt.encode({"sub": str(ACCOUNT)}, "secret" * 8, "HS256", {"typ": "at+jwt", "kid": "k1"}),
        jwt.encode({"sub": "x"}, None, "none", {"typ": "at+jwt", "kid": "k1"}),
        jwt.encode({"sub": "x"}, KEY.private, "EdDSA", {"typ": "JWT", "kid": "k1"}),
        token() + "x",
    ],
)
def test_anything_else_is_not_believed(text: str) -> None:
    with pytest.raises(InvalidToken):
        verify(text)


def test_an_unknown_key_is_told_apart_so_that_keys_can_be_fetched() -> None:
    with pytest.raises(UnknownKey):
        verify(token(key=SigningKey("k2", KEY.private)))


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "nobody"},
        {"sid": None},
        {"roles": 7},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"nbf": int((NOW + timedelta(minutes=1)).timestamp())},
    ],
)
def test_a_signed_token_with_claims_that_make_no_sense_is_not_believed(
    claims: dict[str, Any],
) -> None:
    good = jwt.decode(token(), options={"verify_signature": False})
    headers = {"typ": "at+jwt", "kid": "k1"}
    with pytest.raises(InvalidToken):
        verify(jwt.encode({**good, **claims}, KEY.private, "EdDSA", headers))


def test_a_key_that_the_token_brings_along_is_ignored() -> None:
    stranger = Ed25519PrivateKey.generate()
    good = jwt.decode(token(), options={"verify_signature": False})
    own = jwks({"k1": stranger.public_key()})["keys"][0]
    headers = {"typ": "at+jwt", "kid": "k1", "jwk": own, "jku": "https://example.org/keys"}
    with pytest.raises(InvalidToken):
        verify(jwt.encode(good, stranger, "EdDSA", headers))


def test_a_clock_that_is_a_little_behind_is_forgiven_not_one_that_is_far() -> None:
    end = NOW + ACCESS_LIFETIME
    assert verify(token(), end + timedelta(seconds=4)).account_id == ACCOUNT
    with pytest.raises(InvalidToken):
        verify(token(), end + timedelta(seconds=6))


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"keys": {}}, {"keys": [1]}, {"keys": [{"kty": "OKP", "crv": "Ed25519"}]}]
    + [{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]} for x in ("AA", 7)],
)
def test_nonsense_is_no_key_set(document: Any) -> None:
    with pytest.raises(ValueError, match=r"key|32 bytes"):
        read_jwks(document)


def test_keys_of_another_kind_are_left_out() -> None:
    document = jwks({"k1": KEY.private.public_key()})
    document["keys"].append({"kty": "RSA", "kid": "r", "n": "x", "e": "AQAB"})

    assert read_jwks(document).keys() == {"k1"}


def test_an_internal_token_lives_a_minute_and_is_no_access_token() -> None:
    tokens = InternalTokens("s" * 40)
    internal = tokens.sign(verify(token()), NOW)

    assert tokens.verify(internal, NOW).account_id == ACCOUNT
    for text, secret, now in (
        (internal, "s" * 40, NOW + timedelta(seconds=70)),
        (internal, "t" * 40, NOW),
        (token(), "s" * 40, NOW),
    ):
        with pytest.raises(InvalidToken):
            InternalTokens(secret).verify(text, now)


def test_a_clients_address_is_believed_only_from_who_has_the_secret() -> None:
    tokens = InternalTokens("a secret of at least thirty-two characters")
    forged = InternalTokens("another secret of thirty-two characters").sign_client("192.0.2.1")
    signed = tokens.sign_client("2001:db8::1")

    assert tokens.client(signed) == "2001:db8::1"
    for lie in (forged, "192.0.2.1", "", "é x", signed.replace("::1", "::2")):
        assert tokens.client(lie) is None


def test_an_internal_token_that_was_believed_is_refused_once_it_has_expired() -> None:
    tokens = InternalTokens("s" * 40)
    identity = Identity(ACCOUNT, SESSION, frozenset({"user"}), NOW + ACCESS_LIFETIME)
    text = tokens.sign(identity, NOW)

    assert tokens.verify(text, NOW) == tokens.verify(text, NOW)
    with pytest.raises(InvalidToken):
        tokens.verify(text, NOW + timedelta(minutes=5))
