"""Webhooks as Stripe sends them, each with an id and a signature of its own, over bare sockets.

`python -m bench.webhook_load URL CONNECTIONS SECONDS`, the secret in SECRET; prints the rate.
"""

import asyncio
import hmac
import json
import os
import sys
import time
from hashlib import sha256
from urllib.parse import urlsplit
from uuid import uuid4

from bench.load_generator import read_answer

MOST_A_SECOND = 5_000
"""So many are made before the clock starts: neither side is that fast."""

INTENT = {
    "id": "pi_3Qabcdefghijklmnopqrstuv",
    "object": "payment_intent",
    "amount": 1999,
    "currency": "eur",
    "customer": "cus_Rabcdefghijklm",
    "metadata": {"payment_id": str(uuid4())},
    "status": "succeeded",
    "description": "what else a real one has: " + "x" * 1200,
}


def signed_request(url: str, secret: str) -> bytes:
    """One delivery as it goes over the wire."""
    parts, now = urlsplit(url), int(time.time())
    event = {
        "id": f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": now,
        "data": {"object": INTENT},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(secret.encode(), b"%d.%s" % (now, body), sha256).hexdigest()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"stripe-signature: t={now},v1={signature}\r\n\r\n"
    )
    return head.encode() + body


async def load(url: str, secret: str, connections: int, seconds: float) -> float:
    """Answers a second. Raises `LoadFailed` for a bad one."""
    parts = urlsplit(url)
    made = [signed_request(url, secret) for _ in range(int(MOST_A_SECOND * seconds))]
    start, done = time.perf_counter(), 0
    end = start + seconds

    async def send_one_after_the_other() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while made and time.perf_counter() < end:
                writer.write(made.pop())
                await read_answer(reader)
                done += 1
        finally:
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(send_one_after_the_other() for _ in range(connections)))
    return done / (time.perf_counter() - start)


def main() -> None:
    """Print the rate."""
    url, connections, seconds = sys.argv[1:]
    print(asyncio.run(load(url, os.environ["SECRET"], int(connections), float(seconds))))


if __name__ == "__main__":
    main()
