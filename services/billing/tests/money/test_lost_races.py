"""Whoever settles a payment a moment too late finds it settled, and does nothing twice."""

import asyncio
from typing import Any
from uuid import UUID, uuid5

import pytest
from billing.desk import Desk
from billing.payments.decider import Succeeded
from billing.settling import settle

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
