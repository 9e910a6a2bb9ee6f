"""Whoever settles a payment a moment too late finds it settled, and does nothing twice."""

import asyncio
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.payment_provider import RefundState
from billing.payments.decider import Succeeded
from billing.refunding import settle_refund
from billing.settling import settle
from common.money import Money

pytestmark = pytest.mark.integration


async def test_a_payment_that_many_settle_at_this_moment_is_settled_once(world: Any) -> None:
    person = await world.customer()
    ordered = (await person.orders(await world.plan(1200))).body
    payment_id = uuid5(UUID(ordered["invoice"]["id"]), "attempt/1")
    outcome = world.provider.fill_in(ordered["checkout_url"], "ok").outcome
    now = await world.later(seconds=1)
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})

    settled = await asyncio.gather(*(settle(desk, payment_id, outcome, now) for _ in range(6)))

    assert {type(payment) for payment in settled} == {Succeeded}
    assert [i["status"] for i in await person.invoices()] == ["paid"]
    await person.is_in("active", ordered["subscription"]["id"])


async def test_a_refund_that_is_told_while_it_is_settled_takes_one_number(world: Any) -> None:
    person = await world.customer()
    await person.has(await world.plan(1200))
    (invoice,) = await person.invoices()
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    refund_id, now = uuid4(), await world.later(seconds=1)
    said = RefundState("re_1", "pi_1", Money(200, "EUR"), "succeeded")

    await asyncio.gather(
        *(settle_refund(desk, UUID(invoice["id"]), refund_id, said, now) for _ in range(6))
    )

    path = f"/api/v1/admin/invoices/{invoice['id']}"
    (note,) = (await world.admin.ask("GET", path)).body["credit_notes"]
    async with world.kernel.database.reader() as reader:
        last = await reader.connection.fetchval(_LAST, note["number"].rpartition("-")[0])
    assert int(note["number"].rpartition("-")[2]) == last, "none was taken and not used"


_LAST = "select last from document_series where series = $1"
