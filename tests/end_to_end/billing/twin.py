"""What happens at Stripe's counterpart: people fill in its pages, and tests set its switches."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import aiohttp
from common.testing.waiting import eventually

SECRET, NEXT_SECRET = "whsec_of_the_journeys_at_first", "whsec_of_the_journeys_when_rolled"
"""What webhooks are signed with; billing takes both."""
GOOD, SECURE = "4242424242424242", "4000002500003155"
"""Pays; pays after its bank's question."""
LATER_DECLINED, STOLEN = "4000000000000341", "4000000000009979"
"""Can be saved, and is declined when it is charged; is declined for good."""
AGAIN = [0.2] * 100
"""Seconds until each further try of a delivery."""
AS_EVER = {
    "duplicates": 0,
    "hold": False,
    "delay": 0.0,
    "drop": 0,
    "bad_signatures": 0,
    "signature_age": 0,
    "retry_after": AGAIN,
}


@dataclass
class Twin:
    """The account of the tests; `endpoint` is ours, which its webhooks go to."""

    url: str
    http: aiohttp.ClientSession
    endpoint: str = ""

    async def set(self, action: str, **said: Any) -> Any:
        """What a test sets at the twin itself."""
        async with self.http.post(f"{self.url}/_twin/{action}", json=said) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return body

    async def deliveries(self) -> list[dict[str, Any]]:
        """All webhooks that it owed or owes."""
        async with self.http.get(f"{self.url}/_twin/deliveries") as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found

    async def answers(self) -> list[int]:
        """What we said to all tries of all webhooks."""
        return [answer for one in await self.deliveries() for answer in one["answers"]]

    @asynccontextmanager
    async def switched(self, **how: Any) -> AsyncIterator[None]:
        """Webhooks travel in this way meanwhile."""
        await self.set("switches", **how)
        try:
            yield
        finally:
            await self.set("switches", **AS_EVER)

    async def everything_was_delivered(self) -> None:
        """Wait until nothing is on its way any more."""

        async def nothing_left() -> bool:
            return all(d["state"] not in ("waiting", "held") for d in await self.deliveries())

        await eventually(nothing_left, within=120, what="all deliveries")

    async def press(self, url: str, **form: str) -> str:
        """Press a page's button; where it leads to: the page itself if it says no."""
        async with self.http.post(url, data=form, allow_redirects=False) as answer:
            assert answer.status in (303, 402, 410), await answer.text()
            return urljoin(url, answer.headers.get("Location", url))

    async def shown(self, url: str) -> tuple[int, str]:
        """A page as its visitor sees it."""
        async with self.http.get(url, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def pay(self, url: str, card: str = GOOD) -> str:
        """Fill in a page; where its visitor is led then."""
        return await self.press(url, card=card, name="Ann Onym")

    async def all(self, kind: str, **filters: str) -> list[dict[str, Any]]:
        """All charges, customers... of the account, the newest first."""
        headers = {"Authorization": "Bearer sk_test_of_the_tests"}
        found: list[dict[str, Any]] = []
        query: Mapping[str, str] = {"limit": "100", **filters}
        while True:
            more = {"starting_after": found[-1]["id"]} if found else {}
            url = f"{self.url}/v1/{kind}"
            async with self.http.get(url, params={**query, **more}, headers=headers) as answer:
                page = await answer.json()
            found += page["data"]
            if not page["has_more"]:
                return found

    async def customer(self, person: str) -> str:
        """What it calls the account of this id."""
        known = await self.all("customers")
        return next(one["id"] for one in known if one["metadata"].get("account_id") == person)

    async def charges(self, person: str) -> list[dict[str, Any]]:
        """What was taken from this account's cards, the oldest first."""
        found = await self.all("charges", customer=await self.customer(person))
        return [one for one in reversed(found) if one["paid"]]
