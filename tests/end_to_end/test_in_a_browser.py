"""The pages that people open, in Chromium on a telephone's screen, through the gateway."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from common.testing import chromium
from common.testing.waiting import eventually
from playwright.async_api import Browser, Page, expect

from tests.end_to_end.mails import link_in_a_mail

pytestmark = pytest.mark.integration

TELEPHONE = {"width": 390, "height": 844}
PATIENCE = 120_000
SERIOUS = {"error", "warning"}
OLD, NEW = "a long enough secret", "another long enough secret"
CARD = {
    "name": "Ann Onym",
    "title": "Bookbinder of ledgers, guest books and deeds",
    "email": "ann.onym.of.the.long.address@a-workshop-with-a-long-name.example",
    "website": "https://a-workshop-with-a-long-name.example/ledgers",
    "phone": "+33 3 88 01 02 03",
}

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.browser() as launched:
        yield launched


@pytest.fixture
async def screen(browser: Browser, embedded: Any) -> AsyncIterator[Page]:
    """A telephone's. Afterwards: no page has asked another host, and none has complained."""
    context = await browser.new_context(
        base_url=embedded.url, viewport=TELEPHONE, locale="en-GB", has_touch=True
    )
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: said.type in SERIOUS and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert asked
    assert [url for url in asked if not url.startswith((embedded.url, "data:"))] == []
    assert complaints == []


async def fits(screen: Page) -> bool:
    """Whether nothing stands out to the right."""
    return bool(await screen.evaluate("document.documentElement.scrollWidth <= innerWidth"))


async def registered(embedded: Any, email: str) -> dict[str, str]:
    who = {"email": email, "password": OLD, "name": "Ann"}
    async with embedded.session.post("/api/v1/auth/register", json=who) as response:
        assert response.status == 201
        return {"Authorization": f"Bearer {(await response.json())['access_token']}"}


async def test_the_front_door_shows_a_card_and_leads_to_it(screen: Page, embedded: Any) -> None:
    async def has_a_card() -> bool:
        await screen.goto("/")
        return await screen.locator("section.demo").count() == 1

    await eventually(has_a_card, within=180, what="the demo company's card on the front door")
    assert await fits(screen)
    name = await screen.locator("section.demo h3").inner_text()
    await screen.locator("section.demo a.front").click()
    await expect(screen.get_by_role("heading", level=1)).to_have_text(name)
    assert screen.url.startswith(f"{embedded.url}/view/")
    assert await fits(screen)


async def test_a_card_of_long_words_fits_and_its_contact_is_saved(
    screen: Page, embedded: Any
) -> None:
    me = await registered(embedded, "ann@example.org")
    async with embedded.session.post("/api/v1/cards/", json=CARD, headers=me) as response:
        card = await response.json()
    await screen.goto(f"/view/{card['slug']}")
    await expect(screen.get_by_role("heading", level=1)).to_have_text(CARD["name"])
    assert await fits(screen)

    async with screen.expect_download() as saved:
        await screen.locator("a.save").click()
    contact = await (await saved.value).path()
    assert f"FN:{CARD['name']}" in contact.read_text()


async def test_who_forgot_a_password_gets_a_link_and_chooses_another(
    screen: Page, embedded: Any
) -> None:
    me = await registered(embedded, "bob@example.org")
    await screen.goto("/reset")
    assert await fits(screen)
    await screen.get_by_label("E-mail address").fill("bob@example.org")
    await screen.get_by_role("button", name="Send me a link").click()
    await expect(screen.get_by_role("heading", level=1)).to_have_text("Look into your mailbox")

    # in the same tab: all that changes is what stands behind the #
    await screen.goto(await link_in_a_mail(embedded.mail, "bob@example.org", "reset"))
    await screen.get_by_label("New password").fill(NEW)
    assert await fits(screen)
    await screen.get_by_role("button", name="Save the password").click()
    await expect(screen.get_by_role("heading", level=1)).to_have_text("Your password is changed")
    assert screen.url == f"{embedded.url}/reset", "the token is spent: not into the history"

    for password, status in ((OLD, 401), (NEW, 200)):
        who = {"email": "bob@example.org", "password": password}
        async with embedded.session.post("/api/v1/auth/login", json=who) as response:
            assert response.status == status
    async with embedded.session.get("/api/v1/auth/me", headers=me) as response:
        assert response.status == 401, "all devices are logged out"


async def test_a_mail_s_button_verifies_the_address(screen: Page, embedded: Any) -> None:
    me = await registered(embedded, "cleo@example.org")
    await screen.goto(await link_in_a_mail(embedded.mail, "cleo@example.org", "verify"))
    await expect(screen.get_by_role("button")).to_have_text("Confirm my address")
    assert await fits(screen)
    await screen.get_by_role("button").click()
    await expect(screen.get_by_role("heading", level=1)).to_have_text("Thank you")
    async with embedded.session.get("/api/v1/auth/me", headers=me) as response:
        assert (await response.json())["email_verified"] is True


async def test_who_reads_the_documentation_authorises_once_and_tries_a_post(
    screen: Page, embedded: Any
) -> None:
    me = await registered(embedded, "dora@example.org")
    await screen.goto("/docs")
    await screen.locator("button.authorize").first.click()
    token = me["Authorization"].removeprefix("Bearer ")
    await screen.locator(".modal-ux input").fill(token)
    await screen.locator(".modal-ux button[type=submit]").click()
    await screen.locator(".modal-ux button.btn-done").click()

    await screen.reload()  # and is authorised still
    making = screen.locator(".opblock-post", has=screen.locator("[data-path='/api/v1/cards/']"))
    await making.locator("button.opblock-summary-control").click()
    await making.locator("button.execute").click()
    status = making.locator(".live-responses-table .response-col_status").last
    await expect(status).to_have_text("201")
