"""What a preview has quoted, signed, so that the change made with it costs exactly that."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import orjson
from common.problems import Conflict, Invalid

VALID_FOR = timedelta(minutes=15)


class PreviewTokenInvalid(Invalid):
    """It was not made here, or for something else."""

    code = "preview_token_invalid"
    detail = "This preview token is not valid here."


class PreviewTokenExpired(Conflict):
    """It is too old."""

    code = "preview_token_expired"
    detail = "This preview is too old. Ask for a new one."


class PreviewOutdated(Conflict):
    """The subscription has changed since."""

    code = "preview_outdated"
    detail = "The subscription has changed since this preview. Ask for a new one."


class PreviewTokenUsed(Conflict):
    """It has bought a change already."""

    code = "preview_token_used"
    detail = "This preview token was used already."


@dataclass(frozen=True, slots=True)
class Quoted:
    """Of which subscription at which version, to which plan and price, as of when, and how much."""

    token_id: UUID
    subscription_id: UUID
    version: int
    plan_id: UUID
    price_version: int
    total: int
    quoted_at: datetime


def sign(quoted: Quoted, secret: str) -> str:
    """The token."""
    body = urlsafe_b64encode(
        orjson.dumps(
            [
                quoted.token_id,
                quoted.subscription_id,
                quoted.version,
                quoted.plan_id,
                quoted.price_version,
                quoted.total,
                quoted.quoted_at.isoformat(),
            ]
        )
    )
    return f"{body.decode()}.{_mac(body, secret)}"


def read(token: str, secret: str, now: datetime) -> Quoted:
    """What it says. Raises `PreviewTokenInvalid`, `PreviewTokenExpired`."""
    body, _, mac = token.partition(".")
    if not token.isascii() or not hmac.compare_digest(mac, _mac(body.encode(), secret)):
        raise PreviewTokenInvalid
    id, subscription, version, plan, price, total, at = orjson.loads(urlsafe_b64decode(body))
    quoted_at = datetime.fromisoformat(at).astimezone(UTC)
    if now > quoted_at + VALID_FOR:
        raise PreviewTokenExpired
    return Quoted(UUID(id), UUID(subscription), version, UUID(plan), price, total, quoted_at)


def _mac(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), b"preview\n" + body, sha256).hexdigest()
