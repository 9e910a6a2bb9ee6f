"""What a webhook says, once its signature holds: only which thing to look at."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import stripe

from billing.payment_provider import Notified, ProviderRefused

TOLERANCE_SECONDS = 300
LONGEST_HEADER = 2_000
LONGEST_ID = 255

KINDS = {
    "payment_intent": "payment",
    "checkout.session": "page",
    "setup_intent": "method",
    "payment_method": "method",
    "refund": "refund",
    "dispute": "dispute",
}
OTHER = "other"


def signed(
    body: bytes, signature: str | None, secrets: Sequence[str], now: datetime
) -> Mapping[str, Any]:
    """The event, if one of the secrets signed exactly these bytes within five minutes of `now`.

    The client refuses what is old by its own clock and takes what is dated ahead; the age is
    therefore checked here, both ways. Raises `ProviderRefused`.
    """
    if not signature or len(signature) > LONGEST_HEADER or not signature.isascii():
        raise ProviderRefused("signature_missing", "no signature, or none that can be read")
    if not any(_made_by(secret, body, signature) for secret in secrets):
        raise ProviderRefused("signature_wrong", "no known secret made this signature")
    if abs(_signed_at(signature) - now.timestamp()) > TOLERANCE_SECONDS:
        raise ProviderRefused("signature_too_old", "signed too long before or after now")
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict) or not _is_event(event):
        raise ProviderRefused("not_an_event", "the body is signed and is no event")
    return event


def _made_by(secret: str, body: bytes, signature: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, signature, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def _signed_at(signature: str) -> int:
    # the client has read it already: it is there, and is a number
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    return int(stamps[0].partition("=")[0])


def _is_event(event: Mapping[str, Any]) -> bool:
    data = event.get("data")
    texts = (event.get("id"), event.get("type"))
    return (
        event.get("object") == "event"
        and all(isinstance(t, str) and 0 < len(t) <= LONGEST_ID for t in texts)
        and isinstance(event.get("created"), int)
        and isinstance(data, dict)
        and isinstance(data.get("object"), dict)
    )


def notified_of(event: Mapping[str, Any]) -> Notified:
    """What an event is about; a charge means its payment."""
    thing = event["data"]["object"]
    kind = KINDS.get(str(thing.get("object")), OTHER)
    reference = thing.get("id")
    if thing.get("object") == "charge" and isinstance(thing.get("payment_intent"), str):
        kind, reference = "payment", thing["payment_intent"]
    if not isinstance(reference, str) or not 0 < len(reference) <= LONGEST_ID:
        kind, reference = OTHER, ""
    created_at = datetime.fromtimestamp(max(0, min(event["created"], 2**33)), UTC)
    return Notified(event["id"], event["type"], kind, reference, created_at)
