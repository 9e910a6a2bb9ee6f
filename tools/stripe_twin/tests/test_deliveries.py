"""Webhooks leave signed, come again until they are taken, and go astray as the switches say."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe
from common.testing.http import served
from common.testing.waiting import eventually
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Receiver:
    """What arrived, and what it answers: the next of `statuses`, then 200."""

    url: str = ""
    endpoint: Any = None
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[bytes, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        """One delivery."""
        self.came.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    async def has(self, number: int) -> None:
        """Wait until so many have come."""

        async def there() -> bool:
            return len(self.came) >= number

        await eventually(there, within=60, what=f"{number} deliveries")

    def verified(self, secret: str) -> list[Any]:
        """The events, each checked by the client."""
        return [stripe.Webhook.construct_event(body, sign, secret) for body, sign in self.came]


@pytest.fixture
async def receiver(twin: Any) -> AsyncIterator[Receiver]:
    made = Receiver()
    app = Starlette(routes=[Route("/hook", made.take, methods=["POST"])])
    async with served(app) as client:
        made.url = f"{str(client._base_url).rstrip('/')}/hook"
        made.endpoint = await twin.v1.webhook_endpoints.create_async(
            {"url": made.url, "enabled_events": ["customer.created"]}
        )
        await twin.set("switches", retry_after=[0.05] * 10)
        yield made


async def test_only_wanted_types_come_and_the_client_finds_them_genuine(
    twin: Any, receiver: Receiver
) -> None:
    await twin.pays()
    customer = await twin.customer()
    await receiver.has(1)

    [event] = receiver.verified(receiver.endpoint.secret)

    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    assert event.request.id.startswith("req_")


async def test_what_is_not_taken_comes_again_and_is_listed_meanwhile(
    twin: Any, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302, 404]
    await twin.customer()
    await receiver.has(4)

    async def all_taken() -> bool:
        found = await twin.v1.events.list_async({"delivery_success": False})
        return not found.data

    await eventually(all_taken, within=60, what="delivery")
    [delivery] = await twin.told("deliveries")
    assert delivery["answers"] == [500, 302, 404, 200]
    assert {body for body, _ in receiver.came} == {receiver.came[0][0]}


async def test_after_the_last_try_it_has_failed_and_stays_listed(
    twin: Any, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 10
    await twin.set("switches", retry_after=[0.01])
    await twin.customer()

    async def failed() -> bool:
        return [d["state"] for d in await twin.told("deliveries")] == ["failed"]

    await eventually(failed, within=60, what="a failure")
    found = await twin.v1.events.list_async(
        {"delivery_success": False, "types": ["customer.created"]}
    )
    assert len(found.data) == len(receiver.came) / 2 == 1


async def test_a_rolled_secret_signs_beside_the_old_one(twin: Any, receiver: Receiver) -> None:
    fresh = (await twin.set("roll_secret", endpoint=receiver.endpoint.id))["secret"]
    await twin.customer()
    await receiver.has(1)
    await twin.set("forget_old_secrets", endpoint=receiver.endpoint.id)

    assert receiver.verified(fresh)
    assert receiver.verified(receiver.endpoint.secret)


async def test_what_is_held_comes_when_it_is_released_newest_first(
    twin: Any, receiver: Receiver
) -> None:
    await twin.set("switches", hold=True, duplicates=1)
    for name in ("first", "second"):
        await twin.customer(name=name)
    assert receiver.came == []

    await twin.set("release", reverse=True)

    events = receiver.verified(receiver.endpoint.secret)
    assert [e.data.object.name for e in events] == ["second", "second", "first", "first"]


async def test_a_dropped_one_never_comes_by_itself(twin: Any, receiver: Receiver) -> None:
    await twin.set("switches", drop=1)
    for name in ("lost", "kept"):
        await twin.customer(name=name)
    await receiver.has(1)
    missed = await twin.v1.events.list_async({"delivery_success": False})
    await twin.set("retry_lost")
    await receiver.has(2)

    events = receiver.verified(receiver.endpoint.secret)
    assert [e.data.object.name for e in events] == ["kept", "lost"]
    assert [e.data.object.name for e in missed.data] == ["lost"]


@pytest.mark.parametrize("switches", [{"bad_signatures": 1}, {"signature_age": 4000}])
async def test_signatures_can_be_made_wrong(
    twin: Any, receiver: Receiver, switches: dict[str, int]
) -> None:
    await twin.set("switches", **switches)
    await twin.customer()
    await receiver.has(1)

    with pytest.raises(stripe.SignatureVerificationError):
        receiver.verified(receiver.endpoint.secret)


async def test_an_unknown_switch_or_fault_is_refused(twin: Any) -> None:
    for action, said in (("switches", {"lose": 1}), ("faults", {"kind": "flood"}), ("moon", {})):
        async with twin.http.post(f"/_twin/{action}", json=said) as answer:
            assert answer.status in (400, 404)
