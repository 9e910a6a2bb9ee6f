"""What the system before this one let happen: told again, at once, or wrongly, it has no effect."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from billing.desk import Desk
from billing.settling import settle_named

pytestmark = pytest.mark.integration

MINE, ANY = "/api/v1/user/subscriptions", "/api/v1/admin"


async def told(world: Any, url: str) -> None:
    """The provider tells, once more, that the page was paid."""
    state = world.provider.fill_in(url)
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    now = await world.later(seconds=1)
    await settle_named(desk, "stripe", state.reference, state.outcome, now)


async def test_a_payment_that_is_told_again_revives_neither_what_ended_nor_what_went_back(
    world: Any,
) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    id, url = ordered.body["subscription"]["id"], ordered.body["checkout_url"]
    await told(world, url)
    await person.ask("POST", f"{MINE}/{id}/cancel", {"at": "now"})

    await told(world, url)
    cancelled = await person.subscription(id)
    path = f"{ANY}/invoices/{ordered.body['invoice']['id']}"
    await world.admin.ask("POST", f"{path}/refund", {}, Idempotency_Key=uuid4().hex)
    await told(world, url)

    assert (cancelled["status"], cancelled["end_reason"]) == ("ended", "cancelled")
    assert await person.subscription(id) == cancelled
    invoice = (await world.admin.ask("GET", path)).body
    assert (invoice["refunded"], len(invoice["credit_notes"])) == (invoice["total"], 1)


async def test_a_payment_that_is_told_twelve_times_at_once_pays_once(world: Any) -> None:
    person = await world.customer()
    ordered = await person.orders(await world.plan(1200))
    state = world.provider.fill_in(ordered.body["checkout_url"])
    desk = Desk(world.kernel, world.settings, {"stripe": world.provider})
    now = await world.later(seconds=1)

    async def tell() -> None:
        await settle_named(desk, "stripe", state.reference, state.outcome, now)

    answers = await asyncio.gather(*(tell() for _ in range(12)), return_exceptions=True)

    assert None in answers
    invoice = ordered.body["invoice"]["id"]
    async with world.kernel.database.reader() as reader:
        paid = await reader.connection.fetchval(
            "select count(*) from events where stream = $1 and type = 'billing.invoice_paid'",
            f"invoice-{invoice}",
        )
        begun = await reader.connection.fetchval(
            "select count(*) from events where stream = $1"
            " and type = 'billing.subscription_activated'",
            f"subscription-{ordered.body['subscription']['id']}",
        )
    assert (paid, begun) == (1, 1)


async def test_an_upgrade_to_what_is_not_offered_is_refused_by_name(world: Any) -> None:
    person, retired = await world.customer(), await world.plan(9900)
    id = await person.has(await world.plan(1200))
    await world.admin.ask("DELETE", f"{ANY}/tarif-plans/{retired}")

    answers = [
        await person.ask("POST", f"{MINE}/{id}/upgrade", {"plan_id": plan})
        for plan in (str(uuid4()), retired)
    ]

    assert [(a.status, a.body["code"]) for a in answers] == [
        (404, "plan_unknown"),
        (409, "plan_retired"),
    ]
    assert await person.charged() == 1200


async def test_an_invoice_of_somebody_without_a_name_is_shown(world: Any) -> None:
    person = world.caller()
    told = {"email": f"{person.account.hex[-10:]}@example.org", "name": None, "locale": "en"}
    await world.hear("auth.account_registered.v1", person.account, told)
    ordered = await person.orders(await world.plan(1200))

    path = f"{ANY}/invoices/{ordered.body['invoice']['id']}"
    shown = await world.admin.ask("GET", path)

    assert (shown.status, shown.body["customer"]["name"]) == (200, "")


async def test_a_filter_that_means_nothing_is_refused_and_not_ignored(world: Any) -> None:
    admin = world.admin
    for path in (
        "invoices?status=PAID",
        "subscriptions?status=everything",
        "payments?status=lost",
        "payments?dispute=maybe",
        "invoices?user_id=nobody",
        "subscriptions?per_page=1000",
    ):
        assert (await admin.ask("GET", f"{ANY}/{path}")).status == 422, path
