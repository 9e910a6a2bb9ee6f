"""A small believable company to look at: made through the public API, as any client would.

Every request carries an Idempotency-Key and the first account is looked for by logging in, so that
seeding twice, or after being killed half-way, makes nothing twice.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from cartulary.layout import Layout
from cartulary.seed_plans import seed_plans


@dataclass(frozen=True)
class Demo:
    """What somebody needs to look around."""

    email: str
    password: str
    card_id: str


@dataclass(frozen=True)
class Person:
    """One member of the demo company."""

    email: str
    name: str
    title: str
    phone: str
    bio: str
    mobile: str
    theme: str

    def card(self) -> dict[str, Any]:
        """The card that this person has."""
        return {
            "name": self.name,
            "title": self.title,
            "email": self.email,
            "phone": self.phone,
            "company": "Atelier Verran",
            "website": "https://atelier-verran.example",
            "linkedin": self.handle,
            "handle": self.handle,
            "bio": self.bio,
            "address": "14 rue des Tanneurs, 67000 Strasbourg",
            "phones": [{"number": self.mobile, "label": "mobile"}],
            "emails": [{"email": "atelier@atelier-verran.example", "label": "Workshop"}],
            "links": [{"url": "https://atelier-verran.example/open-days", "label": "Open days"}],
            "theme": self.theme,
        }

    @property
    def handle(self) -> str:
        """How addresses call this person."""
        return self.name.lower().replace(" ", "-").replace("é", "e")


PASSWORD = "a-cartulary-for-everyone"
COMPANY = (
    Person(
        "claire.verran@atelier-verran.example",
        "Claire Verran",
        "Bookbinder and founder",
        "+33 3 88 01 02 03",
        "I bind by hand what is meant to last: ledgers, guest books, the deeds of two villages.",
        "+33 6 01 02 03 04",
        "linen",
    ),
    Person(
        "jonas.keller@atelier-verran.example",
        "Jonas Keller",
        "Paper conservator",
        "+33 3 88 01 02 04",
        "Mould, ink corrosion, four hundred years of fingerprints. Send a photograph first.",
        "+33 6 01 02 03 05",
        "ink",
    ),
    Person(
        "amelie.roux@atelier-verran.example",
        "Amélie Roux",
        "Orders and accounts",
        "+33 3 88 01 02 05",
        "Ask me when it will be ready, and what it will cost.",
        "+33 6 01 02 03 06",
        "plum",
    ),
)


async def seed(layout: Layout) -> Demo:
    """Make the company, and plans to subscribe to, unless they are there; return the account to log
    in with."""
    await seed_plans(layout)
    if layout.demo.exists():
        return Demo(**json.loads(layout.demo.read_text()))
    async with aiohttp.ClientSession(layout.url) as session:
        made = [await _person(session, person) for person in COMPANY]
    part = layout.demo.with_suffix(".part")
    part.write_text(json.dumps(asdict(made[0]), indent=2))
    part.replace(layout.demo)
    return made[0]


async def _person(session: aiohttp.ClientSession, person: Person) -> Demo:
    who = {"email": person.email, "password": PASSWORD}
    status, answer = await _post(session, "/api/v1/auth/login", who)
    if status == 401:
        _, answer = await _post(session, "/api/v1/auth/register", {**who, "name": person.name})
    headers = {
        "Authorization": f"Bearer {answer['access_token']}",
        "Idempotency-Key": "the demo company's card",
    }
    _, card = await _post(session, "/api/v1/cards/", person.card(), headers)
    return Demo(person.email, PASSWORD, card["id"])


async def _post(
    session: aiohttp.ClientSession,
    path: str,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    async with session.post(path, json=body, headers=headers) as response:
        if response.status not in (200, 201, 401):
            raise SeedFailed(f"{path} answered {response.status}: {await response.text()}")
        return response.status, await response.json()


class SeedFailed(Exception):
    """The running system did not take the demo company."""
