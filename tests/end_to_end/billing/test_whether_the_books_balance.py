"""After all journeys: numbers without gaps, money at Stripe as on paper, rights as in cards.

It comes last of the journeys, so that there is much to count; alone it counts its own.
"""

from collections import Counter, defaultdict
from typing import Any
from uuid import UUID

import pytest
from cards.allowances import DEFAULT_ALLOWED, allowed_cards
from common.database import Database
from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import ANY_INVOICE, PATIENCE

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def books(shop: Any) -> list[Any]:
    """All invoices with their credit notes; some of one was given back."""
    ann = await shop.customer("ann.is.counted")
    await ann.buys(await shop.plan(1500, limits={"cards.max": 8}))
    (invoice,) = await ann.invoices()
    await shop.root.does("POST", f"{ANY_INVOICE}/{invoice['id']}/refund", {"amount": 400})
    found: list[Any] = []
    while True:
        page = len(found) // 100 + 1
        told = await shop.root.does("GET", f"{ANY_INVOICE}?per_page=100&page={page}")
        found += told["items"]
        if len(found) >= told["total"]:
            break
    return [await with_credit_notes(shop, one) for one in found]


async def with_credit_notes(shop: Any, invoice: Any) -> Any:
    if invoice["refunded"]["amount"] == 0:
        return invoice
    return await shop.root.does("GET", f"{ANY_INVOICE}/{invoice['id']}")


async def test_the_books_balance(shop: Any, books: list[Any]) -> None:
    credit_notes = [note for invoice in books for note in invoice["credit_notes"]]

    assert not gaps_and_doubles([document["number"] for document in (*books, *credit_notes)])
    assert on_paper(books) == await at_stripe(shop)
    for invoice in books:
        assert (
            sum(line["total"]["amount"] for line in invoice["lines"]) == invoice["total"]["amount"]
        )
        assert (
            sum(n["amount"]["amount"] for n in invoice["credit_notes"])
            == invoice["refunded"]["amount"]
        )


def gaps_and_doubles(numbers: list[str]) -> list[str]:
    """What keeps a series from counting from one on, each number once."""
    series = defaultdict(list)
    for number in numbers:
        name, _, n = number.rpartition("-")
        series[name].append(int(n))
    wanted = [f"{name}-{n:06d}" for name, ns in series.items() for n in range(1, 1 + max(ns))]
    return sorted((Counter(numbers) - Counter(wanted)) + (Counter(wanted) - Counter(numbers)))


def on_paper(books: list[Any]) -> dict[str, int]:
    """Minor units that each person paid by card and was not given back, as our documents say."""
    sums: Counter[str] = Counter()
    for invoice in books:
        if invoice["status"] == "paid" and invoice["payment_method"] == "stripe":
            sums[invoice["user_id"]] += invoice["total"]["amount"]
            sums[invoice["user_id"]] -= sum(n["amount"]["amount"] for n in invoice["credit_notes"])
    return {person: amount for person, amount in sums.items() if amount}


async def at_stripe(shop: Any) -> dict[str, int]:
    """The same as Stripe knows it."""
    customers = {one["id"]: one["metadata"] for one in await shop.twin.all("customers")}
    sums: Counter[str] = Counter()
    for charge in await shop.twin.all("charges"):
        person = customers[charge["customer"]]["account_id"]
        sums[person] += charge["amount_captured"] - charge["amount_refunded"]
    return {person: amount for person, amount in sums.items() if amount}


async def test_what_people_are_entitled_to_is_what_cards_lets_them_do(
    shop: Any, books: list[Any]
) -> None:
    cards = await Database.connect(shop.system.dsns["cards"], size=2)

    async def agreed() -> bool:
        return all([await agree(cards, person) for person in shop.people])

    try:
        await eventually(agreed, within=PATIENCE, what="cards' agreement with billing")
    finally:
        await cards.close()
    assert (await shop.people[-1].limits()) == {"cards.max": 8}


async def agree(cards: Database, person: Any) -> bool:
    """Whether cards has heard what billing says of this person."""
    entitled = (await person.limits()).get("cards.max", DEFAULT_ALLOWED)
    return bool(await allowed_cards(cards, UUID(person.id)) == entitled)
