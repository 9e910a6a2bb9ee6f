"""Whoever settles a payment a moment too late finds it settled, and does nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from billing.desk import Desk
from billing.invoices.decider import INVOICE
from billing.payment_provider import RefundState
from billing.payments.decider import Succeeded
from billing.refunding import settle_refund
from billing.settling import settle
from common.money import Money

pytestmark = pytest.mark.integration


class Overtaken:
    """Commands during which something else happens just before they look at an invoice."""

    def __init__(self, commands: Any, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        self._commands = commands
        self._meanwhile = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._commands, name)

    async def state(self, transaction: Any, decider: Any, id: UUID) -> Any:
        """As ever."""
        while decider is INVOICE and self._meanwhile:
            await self._meanwhile.pop()()
        return await self._commands.state(transaction, decider, id)


async def test_a_payment_that_another_settles_at_this_moment_is_settled_once(world: Any) -> None:
    person = await world.customer()
    ordered = (await person.orders(await world.plan(1200))).body
    payment_id = uuid5(UUID(ordered["invoice"]["id"]), "attempt/1")
    outcome = world.provider.fill_in(ordered["checkout_url"], "ok").outcome
    now = await world.later(seconds=1)
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    commands = Overtaken(world.kernel.commands, lambda: settle(desk, payment_id, outcome, now))

    slower = replace(desk, kernel=replace(world.kernel, commands=commands))
    after = await settle(slower, payment_id, outcome, now)

    assert isinstance(after, Succeeded)
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
