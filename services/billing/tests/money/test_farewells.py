"""Who comes late gets their mails, and who is erased is deleted at their providers, for sure."""

from typing import Any

import pytest
from billing.farewells import remembered
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def erased(world: Any, person: Any) -> None:
    await world.hear("auth.account_erased.v1", person.account, version=2)


async def test_an_erased_customer_is_deleted_also_by_a_provider_that_was_silent_at_first(
    world: Any,
) -> None:
    person, reference = await world.customer(), ""
    await person.has(await world.plan(1200))
    reference = f"cus_{person.account.hex}"
    world.provider.silent_farewells = 2

    await erased(world, person)

    async def forgotten() -> bool:
        return reference in world.provider.forgotten

    await eventually(forgotten, within=120, what="the provider has forgotten them")

    async def noted() -> bool:
        keys = world.kernel.store.keys
        return not await remembered(world.kernel.database, keys, person.account)

    await eventually(noted, within=60, what="nothing is left to forget")
    assert world.provider.forgotten.count(reference) == 1
    async with world.kernel.database.reader() as reader:
        sealed = await reader.connection.fetch("select data::text as data from events")
    assert not [row for row in sealed if reference in row["data"]]


async def test_what_was_never_known_to_a_provider_is_not_asked_for(world: Any) -> None:
    person = await world.customer()
    await person.orders(await world.plan(0))
    before = list(world.provider.forgotten)

    await erased(world, person)

    keys = world.kernel.store.keys
    assert not await remembered(world.kernel.database, keys, person.account)
    assert world.provider.forgotten == before


async def test_a_removed_way_to_pay_is_let_go_of_by_its_provider(world: Any) -> None:
    person, path = await world.customer(), "/api/v1/user/payment-methods"
    await person.saves()
    [saved] = (await person.ask("GET", path)).body["items"]
    before = len(world.provider.forgotten)

    removed = await person.ask("DELETE", f"{path}/{saved['id']}")

    async def let_go() -> bool:
        return len(world.provider.forgotten) == before + 1

    assert removed.status == 204
    await eventually(let_go, within=60, what="the provider has let go of it")
    assert world.provider.forgotten[-1].startswith("pm_")


async def test_whoever_buys_before_auth_has_told_of_them_gets_the_receipt_later(
    world: Any,
) -> None:
    person = world.caller()
    ordered = await person.orders(await world.plan(1200), payment_method="invoice")
    path = f"/api/v1/admin/invoices/{ordered.body['invoice']['id']}/mark-paid"
    assert (await world.admin.ask("POST", path)).status == 200

    async def waiting() -> list[Any]:
        async with world.kernel.database.reader() as reader:
            rows = await reader.connection.fetch(
                "select outcome from waiting_mails where account_id = $1", person.account
            )
        return [row["outcome"] for row in rows]

    async def waits() -> bool:
        return await waiting() == [None]

    async def sent() -> bool:
        return await waiting() == ["sent"]

    await eventually(waits, within=90, what="the receipt waits")
    await world.hears_of(person)
    await eventually(sent, within=90, what="the receipt was sent")
