"""Customers: known by what auth tells, paying with what they saved, forgotten for good."""

import asyncio
from typing import Any
from uuid import uuid4

from billing.customers.read_model import customer_of
from billing.declaration import DECLARATION
from billing.payment_methods import MethodPages
from common.clock import SystemClock
from common.event_store import Cause
from common.read_models import rebuild

METHODS = "/api/v1/user/payment-methods"
SECRET = "Only Once Written"
PROFILE = {
    "company": SECRET,
    "billing_address": {
        "line1": "12 St James's Square",
        "line2": None,
        "postal_code": "SW1Y 4JH",
        "city": "London",
        "region": None,
        "country": "GB",
    },
    "vat_number": "GB123456789",
    "phone": None,
    "changed_at": "2026-01-31T12:00:00Z",
}


def cause() -> Cause:
    return Cause(uuid4(), SystemClock().now())


async def saved(person: Any, last4: str = "4242") -> str:
    """The id of a way to pay that the person has saved."""
    page = await person.makes(f"{METHODS}/setup")
    person.world.provider.fill_in(page["id"], last4)
    done = await person.ask("POST", page["confirm_path"])
    assert (done.status, done.body) == (200, {"status": "complete"})
    listed = (await person.ask("GET", METHODS)).body["items"]
    (id,) = [method["id"] for method in listed if method["last4"] == last4]
    return str(id)


async def test_what_auth_tells_is_what_billing_goes_by(world: Any) -> None:
    ada = await world.customer()
    told = {"name": "Ada King", "username": None, "locale": "en"}
    await world.hear("auth.account_renamed.v1", ada.account, told, version=2)
    await world.hear("auth.email_changed.v1", ada.account, {"email": "a@new.example"}, version=3)
    await world.hear("auth.profile_changed.v1", ada.account, PROFILE, stream="profile")

    customer = await customer_of(world.kernel.database, ada.account)

    assert vars_of(customer.contact) == ("a@new.example", "Ada King", "en")
    assert customer.details.company == SECRET
    assert customer.details.address is not None
    assert customer.details.address.country == "GB"


async def test_a_way_to_pay_is_saved_on_a_page_and_listed(world: Any) -> None:
    ada = await world.customer()
    page = await ada.makes(f"{METHODS}/setup")

    waiting = await ada.ask("POST", page["confirm_path"])
    assert waiting.body == {"status": "open"}
    assert (await ada.ask("GET", METHODS)).body["total"] == 0
    world.provider.fill_in(page["id"])
    for _ in range(2):
        assert (await ada.ask("POST", page["confirm_path"])).body == {"status": "complete"}

    (method,) = (await ada.ask("GET", METHODS)).body["items"]
    assert (method["brand"], method["last4"], method["expires"]) == ("visa", "4242", "2034-12")
    assert (method["payment_method"], method["is_default"]) == ("stripe", True)


async def test_the_provider_and_the_customer_may_both_tell_of_the_same_page(world: Any) -> None:
    ada = await world.customer()
    page = await ada.makes(f"{METHODS}/setup")
    method = world.provider.fill_in(page["id"]).method
    pages = MethodPages(world.kernel, {"stripe": world.provider})

    *ids, confirmed, again = await asyncio.gather(
        *(pages.save(ada.account, "stripe", method, cause()) for _ in range(2)),
        *(ada.ask("POST", page["confirm_path"]) for _ in range(2)),
    )

    assert len(set(ids)) == 1
    assert {confirmed.status, again.status} <= {200, 409}
    assert (await ada.ask("GET", METHODS)).body["total"] == 1


async def test_the_same_request_opens_one_page(world: Any) -> None:
    ada = await world.customer()
    path, back = f"{METHODS}/setup", {"success_url": "https://cards.example/account"}

    first = await ada.ask("POST", path, back, Idempotency_Key="page")
    again = await ada.ask("POST", path, back, Idempotency_Key="page")

    assert (again.status, again.body) == (201, first.body)
    other = await ada.ask("POST", path, {}, Idempotency_Key="page")
    assert other.body["code"] == "idempotency_key_reused"


async def test_one_chooses_and_removes(world: Any) -> None:
    ada = await world.customer()
    first, second = await saved(ada, "1111"), await saved(ada, "2222")

    async def default() -> list[str]:
        items = (await ada.ask("GET", METHODS)).body["items"]
        return [method["last4"] for method in items if method["is_default"]]

    assert await default() == ["2222"]
    assert (await ada.ask("POST", f"{METHODS}/{first}/default")).status == 204
    assert await default() == ["1111"]
    assert (await ada.ask("DELETE", f"{METHODS}/{first}")).status == 204
    assert await default() == ["2222"]
    assert (await ada.ask("DELETE", f"{METHODS}/{first}")).status == 404
    assert (await ada.ask("DELETE", f"{METHODS}/{second}")).status == 204
    assert (await ada.ask("GET", METHODS)).body["total"] == 0


async def test_anothers_is_as_good_as_none(world: Any) -> None:
    ada, eve = await world.customer(), await world.customer()
    method = await saved(ada)
    page = await ada.makes(f"{METHODS}/setup")

    for verb, path in (
        ("DELETE", f"{METHODS}/{method}"),
        ("POST", f"{METHODS}/{method}/default"),
        ("POST", page["confirm_path"]),
    ):
        assert (await eve.ask(verb, path)).status == 404
    assert (await ada.ask("GET", METHODS)).body["total"] == 1
    assert (await eve.ask("GET", METHODS)).body["total"] == 0
    assert (await world.ask("GET", METHODS)).status == 401


async def test_what_cannot_be_is_told_by_name(world: Any) -> None:
    ada, stranger = await world.customer(), world.caller()
    path = f"{METHODS}/setup"

    assert (await stranger.ask("POST", path, {})).body["code"] == "customer_not_known_yet"
    unknown = await ada.ask("POST", path, {"payment_method": "cheque"})
    assert (unknown.status, unknown.body["code"]) == (422, "payment_method_unknown")
    for wrong in ("javascript:alert(1)", "//evil.example", "https://", "https://a b", "x" * 3000):
        assert (await ada.ask("POST", path, {"success_url": wrong})).status == 422, wrong
    world.provider.refuses = True
    refused = await ada.ask("POST", path, {})
    world.provider.refuses, world.provider.away = False, True
    away = await ada.ask("POST", path, {})
    fresh = await (await world.customer()).ask("POST", path, {})
    world.provider.away = False
    assert (refused.status, refused.body["code"]) == (409, "payment_method_not_savable")
    assert (away.status, fresh.status) == (201, 503)


async def everywhere(world: Any) -> str:
    """All that the service's tables hold, as one text."""
    async with world.kernel.database.owner() as owner:
        names = await owner.fetch("select tablename from pg_tables where schemaname = 'public'")
        found = [await owner.fetch(f'select t::text from "{row["tablename"]}" t') for row in names]
    return "\n".join(row[0] for rows in found for row in rows)


async def test_nothing_of_an_erased_customer_is_left(world: Any) -> None:
    ada = await world.customer(email="only-once@example.org")
    await world.hear("auth.profile_changed.v1", ada.account, PROFILE, stream="profile")
    method = await saved(ada, "9876")
    assert "only-once@example.org" in await everywhere(world)

    await world.hear("auth.account_erased.v1", ada.account, version=2)

    for read_model in (None, *DECLARATION.read_models):
        if read_model is not None:
            await rebuild(world.kernel.database, world.kernel.store, read_model)
        kept = await everywhere(world)
        for words in ("only-once@example.org", '"9876"', f"pm_{method}"):
            assert words not in kept
    assert (await ada.ask("GET", METHODS)).body["total"] == 0
    assert (await ada.ask("POST", f"{METHODS}/setup", {})).status in (404, 409)
    late = {"name": SECRET, "username": None, "locale": "en"}
    await world.hear("auth.account_renamed.v1", ada.account, late, version=3)
    assert (await customer_of(world.kernel.database, ada.account)).version == 0


def vars_of(contact: Any) -> tuple[str, str, str]:
    return contact.email, contact.name, contact.locale
