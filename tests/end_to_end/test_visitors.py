"""Visitors of a card are counted although the gateway answers for its page."""

import re
from typing import Any

import pytest
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

ANN = {"email": "ann@example.org", "password": "a long enough secret"}
CARD = {
    "name": "Ann Onym",
    "title": "T",
    "email": "ann@example.org",
    "website": "https://a.example",
}
PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"}


async def test_a_visitor_of_a_cached_page_is_counted_once(system: Any) -> None:
    session = system.session
    async with session.post("/api/v1/auth/register", json=ANN) as response:
        ann = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
    async with session.post("/api/v1/cards/", json=CARD, headers=ann) as response:
        card = await response.json()
    view = f"/view/{card['slug']}?via=qr"

    async def kept() -> bool:
        async with session.get(view, headers=PHONE) as response:
            return "hit" in response.headers["cache-status"]

    await eventually(kept, what="a cached page")
    for _ in range(2):
        await visit(session, view)
    async with session.post(f"/api/v1/cards/{card['id']}/scan", headers={**PHONE, **ann}) as own:
        assert own.status == 201

    async def counted() -> bool:
        async with session.get(f"/api/v1/cards/{card['id']}/stats", headers=ann) as response:
            total = (await response.json())["total"]
            return bool(total == {"views": 1, "scans": 1, "downloads": 1, "clicks": 1})

    await eventually(counted, what="one of each")
    async with session.get(f"/api/v1/cards/{card['id']}/stats") as response:
        assert response.status == 401


async def visit(session: Any, view: str) -> None:
    """What a browser asks for: the page, its pixel, then the contact and a link."""
    async with session.get(view, headers=PHONE) as response:
        page = await response.text()
    found = (
        re.search(pattern, page)
        for pattern in (
            r'src="([^"]+seen[^"]+)"',
            r'href="([^"]+\.vcf)"',
            r'href="([^"]+/go/[^"]+)"',
        )
    )
    for place in (match[1] for match in found if match):
        async with session.get(place, headers=PHONE, allow_redirects=False) as response:
            assert response.status in (200, 303)
            assert "cache-status" not in response.headers
