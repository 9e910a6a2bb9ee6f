"""Visitors are counted once a day each, and nobody is stored."""

import json
import xml.etree.ElementTree as ElementTree
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from cards.counters.routes import StatsOut
from cards.visits import is_robot
from common.ids import uuid7
from common.testing.waiting import eventually

ZERO = {"views": 0, "scans": 0, "downloads": 0, "clicks": 0}


async def total(site: Any, card: dict[str, Any], owner: Any, **expected: int) -> None:
    """Wait until the owner reads these numbers."""

    async def reads() -> bool:
        return (await site.stats(card["id"], owner))["total"] == {**ZERO, **expected}

    await eventually(reads, what=f"{expected}")


async def test_two_scans_of_two_visitors_are_two_for_the_owner(site: Any) -> None:
    """CP-20: public 201, the owner reads the total, another user and a deleted card get 404."""
    owner = uuid7()
    card = await site.card(owner)
    path = f"/api/v1/cards/{card['id']}/scan"
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        headers = {"X-Forwarded-For": address, "User-Agent": "Scanner/1"}
        async with site.client.post(path, headers=headers) as response:
            assert response.status == 201
            assert (await response.json())["card_id"] == card["id"]

    await total(site, card, owner, scans=2)
    stats = path.replace("scan", "stats")
    assert (await site.visit(stats, **site.as_(uuid7()))).status == 404
    assert (await site.visit(stats)).status == 401
    async with site.client.delete(f"/api/v1/cards/{card['id']}", headers=site.as_(owner)) as gone:
        assert gone.status == 204
    async with site.client.post(path) as response:
        assert response.status == 404
    assert (await site.visit(stats, **site.as_(owner))).status == 404


async def test_a_page_is_counted_by_its_pixel_once_for_each_visitor(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner, website="https://example.org")
    view = card["url"].removeprefix("https://cards.example")
    page = (await site.visit(view + "?via=qr")).text
    pixel = page.partition('<img class="seen" src="')[2].partition('"')[0]
    contact = page.partition('class="save" href="')[2].partition('"')[0]
    way = page.partition("/go/")[2].partition('"')[0]
    for address in ("2001:db8::1", "2001:db8::2", "192.0.2.7"):  # the first two are one household
        assert (await site.visit(pixel, address)).headers["Cache-Control"] == "no-store"
        assert (await site.visit(contact, address)).status == 200
    followed = await site.visit(f"{view}/go/{way}")

    assert (followed.status, followed.headers["Location"]) == (303, "https://example.org")
    await total(site, card, owner, views=2, scans=2, downloads=2, clicks=1)


async def test_robots_and_the_owner_are_left_out(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner)
    seen = f"/view/{card['id']}/seen.gif"
    for agent in ("Googlebot/2.1", "facebookexternalhit/1.1", "WhatsApp/2.23", ""):
        await site.visit(seen, agent=agent)
    await site.visit(seen, **site.as_(owner))
    await site.visit(seen, **site.as_(uuid7()))

    await total(site, card, owner, views=1)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) Chrome/140.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36 Telegram-Android/11.4",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 [Pinterest/iOS]",
        "okhttp/4.12",
    ],
)
def test_people_are_no_robots(agent: str) -> None:
    assert not is_robot(agent)


async def test_no_address_and_no_browser_is_stored(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner)
    agent = f"Mozilla/5.0 {uuid4()}"
    await site.visit(f"/view/{card['id']}/seen.gif", "198.51.100.23", agent)
    await total(site, card, owner, views=1)

    connection = await asyncpg.connect(site.database_url)
    try:
        kept = [
            str(await connection.fetch(f'select * from "{table["tablename"]}"'))
            for table in await connection.fetch(
                "select tablename from pg_tables where schemaname = 'public'"
            )
        ]
        visitor = await connection.fetchval(
            "select visitor from visitors where card_id = $1", UUID(card["id"])
        )
    finally:
        await connection.close()
    assert not [text for text in kept if "198.51.100" in text or agent in text]
    assert len(visitor) == 16


async def test_stats_show_every_day_and_can_be_drawn(site: Any) -> None:
    owner = uuid7()
    card = await site.card(owner)
    await site.visit(f"/view/{card['id']}/seen.gif?via=qr")
    await total(site, card, owner, views=1, scans=1)

    stats = await site.stats(card["id"], owner, days=7)
    drawn = await site.visit(
        f"/api/v1/cards/{card['id']}/stats?days=7&format=svg", **site.as_(owner)
    )

    assert [day["views"] for day in stats["days"]] == [0, 0, 0, 0, 0, 0, 1]
    assert drawn.headers["Cache-Control"] == "private, no-store"
    StatsOut.model_validate(stats, strict=False)
    path = "/api/v1/user/visits?days=7"
    mine = await site.visit(path, **site.as_(owner))
    assert json.loads(mine.text) == {key: stats[key] for key in ("total", "days")}
    nobodys = json.loads((await site.visit(path, **site.as_(uuid7()))).text)
    assert nobodys["total"] == ZERO
    assert (await site.visit(path)).status == 401
    picture = ElementTree.fromstring(drawn.text)
    assert picture[0].text is not None
    assert picture[0].text.startswith("Views: 1, scans: 1,")


@pytest.mark.parametrize("query", ["days=0", "days=367", "days=x", "format=gif"])
async def test_stats_that_make_no_sense_are_refused(site: Any, query: str) -> None:
    owner = uuid7()
    card = await site.card(owner)

    answer = await site.visit(f"/api/v1/cards/{card['id']}/stats?{query}", **site.as_(owner))

    assert answer.status == 422
    assert json.loads(answer.text)["code"]
