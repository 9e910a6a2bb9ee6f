"""A person pays on the hosted pages: clicked through in Chromium, on a telephone's screen."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from common.testing.chromium import browser
from playwright.async_api import Page

TELEPHONE = {"width": 390, "height": 844}
PATIENCE = 60_000

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def screen() -> AsyncIterator[Page]:
    """A screen without JavaScript, which the pages do not need."""
    async with browser() as chromium:
        context = await chromium.new_context(viewport=TELEPHONE, java_script_enabled=False)
        context.set_default_timeout(PATIENCE)
        yield await context.new_page()


async def test_a_person_pays_with_a_test_card(twin: Any, screen: Page) -> None:
    session = await twin.session(payment_intent_data={"setup_future_usage": "off_session"})
    await screen.goto(session.url)
    assert "19.99 EUR" in await screen.inner_text("h1")
    assert "Plus" in await screen.inner_text(".order")
    assert "kept for your next payments" in await screen.inner_text("form")
    assert not await screen.locator("[name=number]").is_visible()

    await screen.get_by_text("What else can happen").click()
    await screen.get_by_label("Succeeds (Mastercard)").check()
    await screen.fill("[name=name]", "Ann Onym")
    await screen.get_by_role("button", name="Pay 19.99 EUR").click()

    assert screen.url == f"{twin.url}/?paid={session.id}"
    done = await twin.v1.checkout.sessions.retrieve_async(session.id)
    assert (done.status, done.payment_status, done.customer_details.name) == (
        "complete",
        "paid",
        "Ann Onym",
    )
    await screen.goto(session.url)  # back again: the page sends on to where it was paid
    assert screen.url == f"{twin.url}/?paid={session.id}"


async def test_a_person_types_a_number_is_declined_and_takes_another_card(
    twin: Any, screen: Page
) -> None:
    session = await twin.session()
    await screen.goto(session.url)
    await screen.get_by_label("Type a number").check()
    await screen.fill("[name=number]", "4000 0000 0000 9995")
    await screen.fill("[name=expiry]", "12 / 34")
    await screen.get_by_role("button", name="Pay").click()
    assert "insufficient funds" in await screen.get_by_role("alert").inner_text()

    await screen.get_by_label("Type a number").check()
    await screen.fill("[name=number]", "1234")
    await screen.get_by_role("button", name="Pay").click()
    assert "number is incorrect" in await screen.get_by_role("alert").inner_text()

    await screen.fill("[name=number]", "4242 4242 4242 4242")
    await screen.fill("[name=expiry]", "12/34")
    await screen.get_by_role("button", name="Pay").click()

    assert screen.url == f"{twin.url}/?paid={session.id}"


async def test_the_bank_asks_and_the_person_refuses_then_agrees(twin: Any, screen: Page) -> None:
    session = await twin.session()
    await screen.goto(session.url)
    for answer in ("No, stop it", "Yes, I agree"):
        await screen.get_by_label("3-D Secure, once").check()
        await screen.get_by_role("button", name="Pay").click()
        assert "Is it you?" in await screen.inner_text("h1")
        await screen.get_by_role("button", name=answer).click()

    assert screen.url == f"{twin.url}/?paid={session.id}"


async def test_a_person_saves_a_card_and_nothing_is_taken(twin: Any, screen: Page) -> None:
    customer = await twin.customer()
    session = await twin.session(mode="setup", line_items=[], currency="eur", customer=customer.id)
    await screen.goto(session.url)
    await screen.get_by_role("button", name="Save this card").click()

    cards = await twin.v1.customers.payment_methods.list_async(customer.id)
    assert [card.card.last4 for card in cards.data] == ["4242"]
    assert (await twin.v1.payment_intents.list_async()).data == []


async def test_a_person_cancels_or_comes_too_late(twin: Any, screen: Page) -> None:
    session = await twin.session()
    await screen.goto(session.url)
    await screen.get_by_role("link", name="Cancel").click()
    assert screen.url == f"{twin.url}/?cancelled"

    await twin.set("clock", seconds=2 * 86_400)
    await screen.goto(session.url)
    assert "expired" in await screen.inner_text("h1")


async def test_the_page_loads_nothing_from_elsewhere_and_fits_a_telephone(
    twin: Any, screen: Page
) -> None:
    asked: list[str] = []
    screen.on("request", lambda request: asked.append(request.url))
    price = {"currency": "jpy", "unit_amount": 5000, "product_data": {"name": "A" * 200}}
    session = await twin.session(line_items=[{"price_data": price, "quantity": 3}])
    await screen.goto(session.url)

    box = await screen.locator("main").bounding_box()

    assert asked == [session.url]
    assert "15,000 JPY" in await screen.inner_text("h1")
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= TELEPHONE["width"]
