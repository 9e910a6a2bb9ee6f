"""Events of a test's own making, signed as Stripe signs them, by the client's own helper."""

import json
import time
from typing import Any
from uuid import uuid4

import stripe


def event(**more: Any) -> bytes:
    """The bytes of an event about a payment that nobody knows."""
    made = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "data": {"object": {"object": "payment_intent", "id": "pi_of_nobody"}},
    }
    return json.dumps({**made, **more}).encode()


def signature(body: bytes, secret: str, *, age: int = 0) -> str:
    """The header, dated `age` seconds back."""
    at = int(time.time()) - age
    header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
    return header
