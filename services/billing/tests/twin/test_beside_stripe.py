"""What Stripe's bank disputes, and what Stripe must forget: the whole way, there and back."""

from typing import Any

import pytest
import stripe
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

GOOD, DISPUTED_LATER = "4242424242424242", "4000000000000259"
INVOICES, SUBSCRIPTIONS = "/api/v1/admin/invoices", "/api/v1/admin/subscriptions"
REFUNDS = "/api/v1/admin/refunds"


async def opened(house: Any) -> str:
    """The dispute that the bank opens a minute after the payment."""
    known = {one.id for one in (await house.twin.v1.disputes.list_async()).data}
    await house.twin.set("clock", seconds=61)
    [made] = [d for d in (await house.twin.v1.disputes.list_async()).data if d.id not in known]
    id: str = made.id
    return id


async def test_a_dispute_that_is_lost_takes_back_what_was_paid_for(house: Any) -> None:
    id, invoice = await house.bought(await house.customer(), DISPUTED_LATER)

    dispute = await opened(house)
    marked = await house.becomes(f"{INVOICES}/{invoice}", dispute="open")
    await house.twin.set("close_dispute", dispute=dispute, won=False)
    lost = await house.becomes(f"{INVOICES}/{invoice}", dispute="lost")

    assert (marked["status"], marked["refunded"]["amount"]) == ("paid", 0)
    assert [n["reason"] for n in lost["credit_notes"]] == ["dispute_lost"]
    await house.becomes(f"{SUBSCRIPTIONS}/{id}", status="ended", end_reason="disputed")


async def test_a_dispute_that_is_won_changes_nothing(house: Any) -> None:
    id, invoice = await house.bought(await house.customer(), DISPUTED_LATER)

    await house.twin.set("close_dispute", dispute=await opened(house), won=True)
    won = await house.becomes(f"{INVOICES}/{invoice}", dispute="won")

    assert (won["status"], won["credit_notes"]) == ("paid", [])
    assert (await house.ask("GET", f"{SUBSCRIPTIONS}/{id}"))["status"] == "active"


async def test_a_refund_that_its_bank_sends_back_is_owed_until_it_is_settled(house: Any) -> None:
    id, invoice = await house.bought(await house.customer(), GOOD)
    await house.ask("POST", f"{INVOICES}/{invoice}/refund", {"amount": 500})
    made = (await house.twin.v1.refunds.list_async()).data[0]

    await house.twin.set("fail_refund", refund=made.id)

    async def owed() -> Any:
        listed = await house.ask("GET", f"{REFUNDS}?status=returned")
        return next((one for one in listed["items"] if one["invoice_id"] == invoice), None)

    async def is_owed() -> bool:
        return await owed() is not None

    await eventually(is_owed, within=90, what="the refund is owed")
    back = await owed()
    shown = await house.ask("GET", f"{INVOICES}/{invoice}")
    tried = await house.ask("POST", f"{REFUNDS}/{back['id']}/retry")
    assert (back["reference"], shown["refunded"]["amount"]) == (made.id, 500)
    assert (tried["status"], await is_owed()) == ("done", False)
    assert tried["reference"] != made.id
    again = (await house.twin.v1.refunds.list_async()).data[0]
    assert (again.id, again.amount) == (tried["reference"], 500)
    assert (await house.ask("GET", f"{SUBSCRIPTIONS}/{id}"))["status"] == "active"


async def at_stripe(house: Any, email: str) -> Any:
    [found] = (await house.twin.v1.customers.list_async({"email": email})).data
    return found


async def test_a_removed_card_is_detached_at_stripe(house: Any) -> None:
    who = await house.customer()
    await house.bought(who, GOOD)
    path = "/api/v1/user/payment-methods"
    customer = await at_stripe(house, f"{who.hex[-10:]}@example.org")

    async def saved() -> bool:
        return bool((await house.ask("GET", path, who=who))["items"])

    await eventually(saved, within=90, what="the card is saved")
    [card] = (await house.ask("GET", path, who=who))["items"]
    before = await house.twin.v1.customers.payment_methods.list_async(customer.id)
    await house.ask("DELETE", f"{path}/{card['id']}", who=who)

    async def detached() -> bool:
        left = await house.twin.v1.customers.payment_methods.list_async(customer.id)
        return not left.data

    assert len(before.data) == 1
    await eventually(detached, within=90, what="no card is left at Stripe")


async def test_who_is_erased_is_deleted_at_stripe_and_their_invoices_stay(house: Any) -> None:
    who = await house.customer()
    _, invoice = await house.bought(who, GOOD)
    customer = await at_stripe(house, f"{who.hex[-10:]}@example.org")

    await house.hears("auth.account_erased.v1", who, 2)

    async def deleted() -> bool:
        found = await house.twin.v1.customers.retrieve_async(customer.id)
        return bool(getattr(found, "deleted", False))

    await eventually(deleted, within=90, what="the customer is deleted at Stripe")
    kept = await house.ask("GET", f"{INVOICES}/{invoice}")
    assert (kept["status"], kept["customer"]["name"]) == ("paid", "Ada Lovelace")

    async def nothing_left() -> bool:
        async with house.kernel.database.reader() as reader:
            count = await reader.connection.fetchval("select count(*) from customers_to_forget")
        return bool(count == 0)

    await eventually(nothing_left, within=90, what="nothing to forget is left")
    with pytest.raises(stripe.InvalidRequestError):
        await house.twin.v1.customers.update_async(customer.id, {"name": "Back"})
