"""A shop of plans at the gateway: its administrator, and the people who buy there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

from common.testing.waiting import eventually

from tests.end_to_end.billing.twin import GOOD, Twin
from tests.end_to_end.systems import System

PASSWORD = "a long enough secret"
MINE, METHODS = "/api/v1/user/subscriptions", "/api/v1/user/payment-methods"
INVOICES, ANY_INVOICE = "/api/v1/user/invoices", "/api/v1/admin/invoices"
PLANS, CATEGORIES = "/api/v1/admin/tarif-plans", "/api/v1/admin/tarif-plan-categories"
PATIENCE = 120


@dataclass
class Answer:
    """Status and decoded body."""

    status: int
    body: Any


@dataclass
class Person:
    """Somebody at the gateway, once they have entered."""

    system: System
    twin: Twin | None = None
    id: str = ""
    email: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> Answer:
        """One request, under a key of its own unless it has one."""
        key = key or uuid4().hex
        answer = await self._ask(method, path, body, key)
        if answer.status == 401 and self.email:
            self.headers = (await self.enters("login", self.email)).headers
            answer = await self._ask(method, path, body, key)  # a token lasts for ten minutes
        return answer

    async def _ask(self, method: str, path: str, body: Any, key: str) -> Answer:
        headers = {**self.headers, "Idempotency-Key": key}
        how = {} if body is None else {"json": body}
        async with self.system.session.request(method, path, headers=headers, **how) as response:
            is_json = "json" in response.headers.get("Content-Type", "")
            told = await (response.json(content_type=None) if is_json else response.read())
            return Answer(response.status, told)

    async def does(self, method: str, path: str, body: Any = None) -> Any:
        """The same for what must succeed; what was answered."""
        answer = await self.ask(method, path, body)
        assert answer.status in (200, 201, 204), (method, path, answer)
        return answer.body

    async def enters(self, how: str, email: str) -> "Person":
        """The same, registered or logged in."""
        body = {"email": email, "password": PASSWORD, "name": "Ann Onym"}
        if how == "login":
            body.pop("name")
        told = await Person(self.system).does("POST", f"/api/v1/auth/{how}", body)
        headers = {"Authorization": f"Bearer {told['access_token']}"}
        return Person(self.system, self.twin, told["user"]["id"], email, headers)

    async def orders(self, plan: str, *, key: str | None = None, **more: Any) -> Answer:
        """A checkout, asked for until billing has heard of the account."""
        key, answers = key or uuid4().hex, []

        async def known() -> bool:
            body = {"plan_id": plan, **more}
            answers.append(await self.ask("POST", "/api/v1/user/checkout", body, key=key))
            return str(answers[-1].body.get("code")) != "customer_not_known_yet"

        await eventually(known, within=PATIENCE, what="billing has heard of the account")
        return answers[-1]

    async def buys(self, plan: str, card: str = GOOD) -> str:
        """A subscription's id, once it is active because its page was paid."""
        ordered = await self.orders(plan)
        assert ordered.status == 201, ordered
        assert self.twin is not None
        await self.twin.pay(ordered.body["checkout_url"], card)
        id: str = ordered.body["subscription"]["id"]
        await self.sees(id, "active")
        return id

    async def is_known(self) -> Any:
        """A page that saves a way to pay, which there is once billing has heard of the account."""
        answers, key = [], uuid4().hex

        async def known() -> bool:
            answers.append(await self.ask("POST", f"{METHODS}/setup", {}, key=key))
            return answers[-1].status == 201

        await eventually(known, within=PATIENCE, what="billing has heard of the account")
        return answers[-1].body

    async def saves(self, card: str = GOOD) -> None:
        """A new way to pay, from a page that saves one; it is the default from now on."""
        page = await self.is_known()
        assert self.twin is not None
        await self.twin.pay(page["url"], card)
        await self.does("POST", page["confirm_path"])
        newest = (await self.does("GET", METHODS))["items"][0]
        assert newest["last4"] == card[-4:]
        await self.does("POST", f"{METHODS}/{newest['id']}/default")

    async def subscription(self, id: str) -> Any:
        """As it is now."""
        return await self.does("GET", f"{MINE}/{id}")

    async def sees(self, id: str, status: str, **more: Any) -> Any:
        """The subscription, once it has got there and more of it is so; what the gateway keeps of
        it is dropped a moment after time went by."""

        async def there() -> Any:
            seen = await self.subscription(id)
            return seen if {**seen, **more, "status": status} == seen else None

        return await eventually(there, within=PATIENCE, what=f"{self.email}'s {id} is {status}")

    async def invoices(self, **filters: str) -> list[dict[str, Any]]:
        """Newest first."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        listed = await self.does("GET", f"{INVOICES}?per_page=100&{query}")
        items: list[dict[str, Any]] = listed["items"]
        return items

    async def limits(self) -> dict[str, int]:
        """What their subscriptions let them do."""
        told: dict[str, int] = (await self.does("GET", "/api/v1/user/entitlements"))["limits"]
        return told

    async def may_have(self, number: int) -> None:
        """So many cards they can make, once cards has heard of it, and none more."""
        card = {"name": "Ann Onym", "title": "Tester", "email": self.email}
        made: list[Answer] = []

        async def have_them() -> bool:
            made.append(await self.ask("POST", "/api/v1/cards/", card))
            return [a.status for a in made].count(201) == number

        await eventually(have_them, within=PATIENCE, what=f"{number} cards of {self.email}")
        refused = await self.ask("POST", "/api/v1/cards/", card)
        assert (refused.status, refused.body["code"]) == (403, "card_limit_reached")

    def mails(self) -> list[EmailMessage]:
        """What they were sent."""
        files = self.system.mail.glob(f"{self.id}.*.eml")
        found = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [mail for mail in found if isinstance(mail, EmailMessage)]

    async def reads(self, words: str, times: int = 1) -> list[EmailMessage]:
        """The mails whose subject has these words, once there are so many."""

        async def arrived() -> list[EmailMessage]:
            found = [mail for mail in self.mails() if words in mail["Subject"]]
            return found if len(found) >= times else []

        return await eventually(arrived, within=PATIENCE, what=f"a mail {words!r}")


@dataclass
class Shop:
    """The system, the counterpart of Stripe, who runs it and everybody who came."""

    system: System
    twin: Twin
    root: Person
    people: list[Person] = field(default_factory=list)

    async def customer(self, name: str) -> Person:
        """Somebody new."""
        nobody = Person(self.system, self.twin)
        person = await nobody.enters("register", f"{name}@example.org")
        self.people.append(person)
        return person

    async def plan(self, price: int = 1200, **more: Any) -> str:
        """A monthly plan's id."""
        body = {
            "name": f"Plan {uuid4().hex[:8]}",
            "term": {"interval": "month"},
            "prices": [{"price": {"amount": price, "currency": "EUR"}}],
            **more,
        }
        id: str = (await self.root.does("POST", PLANS, body))["id"]
        return id

    async def category(self, *plans: str) -> None:
        """Of these plans a person has one."""
        body = {"name": f"Kind {uuid4().hex[:8]}", "is_single": True}
        id = (await self.root.does("POST", CATEGORIES, body))["id"]
        await self.root.does("POST", f"{CATEGORIES}/{id}/attach-plans", {"plan_ids": list(plans)})

    async def later(self, **how: Any) -> datetime:
        """Time goes by, and what is due happens; what time it is then."""
        done = await self.root.does("POST", "/api/v1/sandbox/clock/advance", how)
        return datetime.fromisoformat(done["now"])

    async def until(self, moment: str) -> datetime:
        """The same until a moment and a little."""
        now = await self.later(until=moment)
        return now if now > moment_of(moment) else await self.later(seconds=60)


def moment_of(text: str) -> datetime:
    """A time as it is written in answers."""
    return datetime.fromisoformat(text)
