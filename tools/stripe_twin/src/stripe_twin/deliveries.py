"""Events on their way to the endpoints: signed, tried again, and led astray by the switches."""

import asyncio
import hmac
import json
import time
from contextlib import suppress
from hashlib import sha256

import aiohttp

from stripe_twin.problems import Json
from stripe_twin.store import new_id
from stripe_twin.twin import Twin

ANSWER_SECONDS = 10.0
TICK_SECONDS = 0.25
KIND = "_delivery"
WRONG_SECRET = "whsec_somebody_elses"


class Deliveries:
    """Delivers what the twin tells, each event to each endpoint that wants it."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._under_way: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        twin.on_event = self.enqueue

    def enqueue(self, event: Json) -> None:
        """Owe the event to every endpoint that wants its type."""
        switches = self._twin.switches
        for endpoint in self._twin.store.all("webhook_endpoint"):
            wanted = endpoint["enabled_events"]
            if endpoint["status"] != "enabled" or not {"*", event["type"]} & set(wanted):
                continue
            for _ in range(1 + switches.duplicates):
                self._owe(event, endpoint["id"], lost=switches.drop > 0)
            switches.drop -= switches.drop > 0
        self._wake.set()

    def _owe(self, event: Json, endpoint: str, *, lost: bool) -> None:
        event["pending_webhooks"] += 1
        self._twin.store.put(event)
        self._twin.store.put(
            {
                "id": new_id("_dl"),
                "object": KIND,
                "event": event["id"],
                "endpoint": endpoint,
                "attempts": 0,
                "due": time.time() + self._twin.switches.delay,
                "state": "lost" if lost else "held" if self._twin.switches.hold else "waiting",
                "answers": [],
            }
        )

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with aiohttp.ClientSession() as client:
            try:
                while True:
                    self._wake.clear()
                    for delivery in self._due():
                        self._begin(client, delivery)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(TICK_SECONDS):
                            await self._wake.wait()
            finally:
                for task in self._tasks:
                    task.cancel()

    async def release(self, *, reverse: bool) -> int:
        """Deliver what was held, one after the other; how many."""
        held = self.in_state("held")
        self._twin.switches.hold = False
        async with aiohttp.ClientSession() as client:
            for delivery in reversed(held) if reverse else held:
                await self._attempt(client, delivery)
        return len(held)

    def retry_lost(self) -> int:
        """Let what was lost be tried after all; how many."""
        lost = self.in_state("lost")
        for delivery in lost:
            delivery.update(state="waiting", due=time.time())
            self._twin.store.put(delivery)
        self._wake.set()
        return len(lost)

    def in_state(self, state: str) -> list[Json]:
        """The deliveries that are waiting, held, lost, delivered or failed."""
        return [d for d in self._twin.store.all(KIND) if d["state"] == state]

    def all(self) -> list[Json]:
        """All deliveries, the oldest first."""
        return self._twin.store.all(KIND)

    def _due(self) -> list[Json]:
        now = time.time()
        return [
            d
            for d in self.in_state("waiting")
            if d["due"] <= now and d["id"] not in self._under_way
        ]

    def _begin(self, client: aiohttp.ClientSession, delivery: Json) -> None:
        self._under_way.add(delivery["id"])
        task = asyncio.create_task(self._attempt(client, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, client: aiohttp.ClientSession, delivery: Json) -> None:
        endpoint = self._twin.store.get("webhook_endpoint", delivery["endpoint"])
        event = self._twin.store.get("event", delivery["event"])
        if endpoint is None or event is None:
            self._twin.store.remove(delivery)
            return
        body = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": self._signature(body, endpoint["_secrets"]),
            "User-Agent": "Stripe/1.0 (twin)",
        }
        status = 0
        try:
            limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            async with client.post(
                endpoint["url"], data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            delivery["why"] = type(error).__name__
        finally:
            self._under_way.discard(delivery["id"])
        self._note(delivery, event, status)

    def _note(self, delivery: Json, event: Json, status: int) -> None:
        delivery["attempts"] += 1
        delivery["answers"].append(status)
        pauses = self._twin.switches.retry_after
        if 200 <= status < 300:
            delivery["state"] = "delivered"
            event["pending_webhooks"] -= 1
            self._twin.store.put(event)
        elif delivery["attempts"] > len(pauses):
            delivery["state"] = "failed"
        else:
            delivery["state"] = "waiting"
            delivery["due"] = time.time() + pauses[delivery["attempts"] - 1]
        self._twin.store.put(delivery)
        self._twin.store.save()

    def _signature(self, body: bytes, secrets: list[str]) -> str:
        switches = self._twin.switches
        if switches.bad_signatures:
            switches.bad_signatures -= 1
            secrets = [WRONG_SECRET]
        # the machine's time: a moved clock moves what objects say, not when they are sent
        at = int(time.time()) - switches.signature_age
        signed = str(at).encode() + b"." + body
        values = [hmac.new(secret.encode(), signed, sha256).hexdigest() for secret in secrets]
        return ",".join([f"t={at}", *(f"v1={value}" for value in values)])


def delivered_everywhere(twin: Twin, event: Json) -> bool:
    """Whether every endpoint has taken it."""
    return all(
        delivery["state"] == "delivered"
        for delivery in twin.store.all(KIND)
        if delivery["event"] == event["id"]
    )
