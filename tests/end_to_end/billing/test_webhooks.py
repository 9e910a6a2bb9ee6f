"""What Stripe tells: twice, late, backwards, forged, lost, while we are away; each is bought once.

The last test lets the worker compare with Stripe each second, which it then goes on doing.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from common.testing.waiting import eventually
from stripe_twin.testing.webhooks import event, signature

from tests.end_to_end.billing.shop import PATIENCE
from tests.end_to_end.billing.twin import NEXT_SECRET, SECRET

pytestmark = pytest.mark.integration

WEBHOOK, REPORTS = "/api/v1/stripe/webhook", "/api/v1/admin/reconciliations"
MEBIBYTE = 1024 * 1024


async def ordered(shop: Any, name: str) -> tuple[Any, str, str]:
    """Somebody, their subscription that is not paid, and the page to pay it on."""
    person = await shop.customer(name)
    told = (await person.orders(await shop.plan(1300, limits={"cards.max": 2}))).body
    return person, told["subscription"]["id"], told["checkout_url"]


async def bought_once(shop: Any, person: Any, id: str) -> None:
    """All is as it should be, however it was told."""
    await person.sees(id, "active")
    await shop.twin.everything_was_delivered()
    assert [i["status"] for i in await person.invoices()] == ["paid"]
    assert [charge["amount"] for charge in await shop.twin.charges(person.id)] == [1300]
    assert len(await person.reads("Receipt")) == 1
    assert await person.limits() == {"cards.max": 2}


async def refused(shop: Any, times: int) -> None:
    """Wait until so many tries were refused as forged or old."""

    async def answered() -> bool:
        return (await shop.twin.answers()).count(422) >= times

    await eventually(answered, within=PATIENCE, what="a refused webhook")


@pytest.mark.parametrize("how", [{"duplicates": 3}, {"delay": 0.3}], ids=["duplicated", "delayed"])
async def test_a_purchase_that_is_told_badly_is_made_once(shop: Any, how: dict[str, Any]) -> None:
    ann, id, url = await ordered(shop, f"ann.is.{'-'.join(how)}")

    async with shop.twin.switched(**how):
        await shop.twin.pay(url)
        await bought_once(shop, ann, id)


async def test_what_is_told_backwards_comes_to_the_same(shop: Any) -> None:
    ann, id, url = await ordered(shop, "ann.is.backwards")

    async with shop.twin.switched(hold=True):
        await shop.twin.pay(url)
        waits = await ann.subscription(id)
        released = (await shop.twin.set("release", reverse=True))["released"]

    assert (waits["status"], released > 3) == ("pending", True)
    await bought_once(shop, ann, id)


@pytest.mark.parametrize(
    "how", [{"bad_signatures": 3}, {"signature_age": 4000}], ids=["forged", "old"]
)
async def test_what_is_forged_or_old_changes_nothing(shop: Any, how: dict[str, Any]) -> None:
    ann, id, url = await ordered(shop, f"ann.is.{'-'.join(how)}")
    before = (await shop.twin.answers()).count(422)

    async with shop.twin.switched(**how):
        await shop.twin.pay(url)
        await refused(shop, before + 3)

    await bought_once(shop, ann, id)


async def test_a_rolled_secret_holds_beside_the_old_one_and_then_alone(shop: Any) -> None:
    for name in ("ann.is.rolled", "ann.is.rolled.over"):
        ann, id, url = await ordered(shop, name)
        await shop.twin.set("roll_secret", endpoint=shop.twin.endpoint, secret=NEXT_SECRET)
        if name == "ann.is.rolled.over":
            await shop.twin.set("forget_old_secrets", endpoint=shop.twin.endpoint)
        before = (await shop.twin.answers()).count(422)
        await shop.twin.pay(url)
        await bought_once(shop, ann, id)
        assert (await shop.twin.answers()).count(422) == before


async def test_a_mebibyte_of_an_unknown_type_is_taken_and_a_byte_more_is_not(shop: Any) -> None:
    moon = {"type": "moon.risen", "data": {"object": {"object": "moon", "id": "mo_1"}}}
    given = json.loads(event(**moon, padding=""))
    given["padding"] = "x" * (MEBIBYTE - len(json.dumps(given)))
    body = json.dumps(given).encode()

    answers = [
        await tell(shop, text, signature(text, secret))
        for text, secret in ((body, SECRET), (body + b" ", SECRET), (body[:-9], SECRET))
    ]
    unsigned = await tell(shop, event(**moon), None)

    assert answers == [(200, None), (413, "body_too_large"), (422, "webhook_refused")]
    assert unsigned == (422, "webhook_refused")


async def tell(shop: Any, body: bytes, signature: str | None) -> tuple[int, str | None]:
    """Post to the webhook through the gateway; status, and code if it is a problem."""
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    posted = shop.system.session.post(WEBHOOK, data=BytesIO(body), headers=headers)
    async with posted as answer:
        return answer.status, (await answer.json(content_type=None)).get("code")


async def test_billing_that_is_killed_in_the_middle_of_purchases_finishes_them(shop: Any) -> None:
    ann, id, url = await ordered(shop, "ann.pays.while.we.are.away")
    bob, plan = await shop.customer("bob.orders.while.we.die"), await shop.plan(1300)
    key, path = uuid4().hex, "/v1/checkout/sessions"
    await bob.saves()

    await shop.twin.set("faults", kind="timeout", path=path)
    cut_off = asyncio.create_task(bob.orders(plan, key=key))
    await eventually(lambda: pages_of(shop, bob), within=PATIENCE, what="a page that we never saw")
    async with (
        shop.twin.switched(retry_after=[3] * 100),
        away(shop, "billing.main", "billing.worker"),
    ):
        await shop.twin.pay(url)
        await eventually(lambda: failed(shop), within=PATIENCE, what="a webhook that nobody took")

    assert (await cut_off).status >= 500
    await bought_once(shop, ann, id)
    again = await bob.orders(plan, key=key)
    assert again.status == 201, again
    assert again.body["checkout_url"] in [page["url"] for page in await pages_of(shop, bob)]
    assert len(await pages_of(shop, bob)) == len(await bob.invoices()) == 1
    await shop.twin.pay(again.body["checkout_url"])
    await bob.sees(again.body["subscription"]["id"], "active")


@asynccontextmanager
async def away(shop: Any, *modules: str, **more: str) -> AsyncIterator[None]:
    """Processes are killed, and start again afterwards, with further settings."""
    shop.system.kill(*modules)
    try:
        yield
    finally:
        shop.system.start(*modules, **more)
        await eventually(shop.system.ready, within=PATIENCE, what="the system after a kill")
        await eventually(lambda: is_let_in(shop), within=PATIENCE, what="the gateway's trust")


async def is_let_in(shop: Any) -> bool:
    """Whether the gateway asks billing again: after many failures it does not for a while."""
    return bool((await shop.root.ask("GET", "/api/v1/sandbox/clock")).status == 200)


async def pages_of(shop: Any, person: Any) -> list[dict[str, Any]]:
    """The pages on which this person may pay."""
    customer = await shop.twin.customer(person.id)
    pages = await shop.twin.all("checkout/sessions", customer=customer)
    return [page for page in pages if page["mode"] == "payment"]


async def failed(shop: Any) -> bool:
    """Whether some webhook was answered that we are not there."""
    return any(answer >= 500 for answer in await shop.twin.answers())


async def test_what_was_lost_on_the_way_is_found_by_comparing(shop: Any) -> None:
    ann, id, url = await ordered(shop, "ann.is.lost")
    async with away(shop, "billing.worker", RECONCILE_SECONDS="1"):
        async with shop.twin.switched(drop=100):
            await shop.twin.pay(url)
        assert (await ann.subscription(id))["status"] == "pending"

    await bought_once(shop, ann, id)
    await eventually(lambda: reported(shop), within=PATIENCE, what="a report of what was lost")


async def reported(shop: Any) -> bool:
    """Whether some comparison tells that it found notifications again."""
    reports = (await shop.root.does("GET", f"{REPORTS}?limit=100"))["items"]
    return any(report["notifications_recovered"] > 3 for report in reports)
