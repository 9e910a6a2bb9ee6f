"""Auth on a real port with a real database, asked as the gateway does, on a clock that we move."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from auth.declaration import DECLARATION
from auth.main import create_app
from auth.resources import Auth
from auth.settings import AuthSettings
from auth.worker import create_worker
from common.access_tokens import Identity, read_jwks, verify_access_token
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.kernel import Kernel, open_kernel_of
from common.messages import Envelope
from common.testing.http import coming_from, served, signed_in
from common.testing.kernel import prepared_database
from common.testing.waiting import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "a long enough secret"
LINK = re.compile(r"/(\w+)#token=([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Got:
    """An answer that reached the client."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.body["code"])


@dataclass(frozen=True)
class Person:
    """Somebody who has an account, and what they hold of their session."""

    id: UUID
    email: str
    session_id: UUID
    access_token: str
    refresh_token: str


@dataclass
class House:
    """Auth and whoever asks it."""

    client: aiohttp.ClientSession
    kernel: Kernel
    clock: MovableClock
    parts: Auth
    heard: list[Envelope] = field(default_factory=list)

    @property
    def settings(self) -> AuthSettings:
        """Auth's settings."""
        return self.parts.settings

    async def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        who: Person | None = None,
        address: str = "192.0.2.1",
        data: bytes | None = None,
        roles: Sequence[str] = ("user",),
        **headers: str,
    ) -> Got:
        """Ask as the gateway does: on behalf of somebody or nobody, from an address."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= coming_from(self.settings, address)
        if who is not None:
            sent |= signed_in(
                self.settings,
                self.clock.now(),
                account_id=who.id,
                session_id=who.session_id,
                roles=roles,
            )
        async with self.client.request(method, path, json=json, data=data, headers=sent) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            body = await (answer.json(content_type=None) if is_json else answer.text())
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Got(answer.status, body, named)

    async def post(self, path: str, json: Any = None, **more: Any) -> Got:
        """POST under `/api/v1/auth/`."""
        return await self.ask("POST", f"/api/v1/auth/{path}", json, **more)

    async def register(self, email: str | None = None, **more: Any) -> Person:
        """Somebody new."""
        email = email or f"{uuid4().hex}@example.org"
        got = await self.post("register", {"email": email, "password": PASSWORD, **more})
        assert got.status == 201, got.body
        return await self.person(got.body)

    async def login(self, who: Person, password: str = PASSWORD, **more: Any) -> Person:
        """The same person in another session."""
        got = await self.post("login", {"email": who.email, "password": password}, **more)
        assert got.status == 200, got.body
        return await self.person(got.body)

    async def person(self, body: Any) -> Person:
        """Whom these tokens are for."""
        token = body["access_token"]
        identity = await self.verified(token)
        email = body["user"]["email"]
        return Person(identity.account_id, email, identity.session_id, token, body["refresh_token"])

    async def verified(self, token: str) -> Identity:
        """What a gateway reads out of an access token."""
        keys = read_jwks((await self.ask("GET", "/.well-known/jwks.json")).body)
        return verify_access_token(
            token, keys, issuer="cartulary", audience="cartulary", now=self.clock.now()
        )

    async def refresh(self, token: str) -> Got:
        """Exchange a refresh token."""
        return await self.post("refresh", {"refresh_token": token})

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Rows of auth's database."""
        async with self.kernel.database.reader() as reader:
            rows: list[Any] = await reader.connection.fetch(sql, *arguments)
        return rows

    async def mails_to(self, address: str, count: int = 1) -> list[EmailMessage]:
        """The mails to an address, once there are so many, the oldest first."""

        async def arrived() -> list[EmailMessage]:
            found = [m for m in self._mails() if m["To"] == address]
            return found if len(found) >= count else []

        return await eventually(arrived, what=f"{count} mails")

    async def link(self, address: str, page: str, count: int = 1) -> str:
        """The token in the newest link to a page, once so many such links have come."""
        return (await self.links(address, page, count))[-1]

    async def links(self, address: str, page: str, count: int) -> list[str]:
        """The tokens in all links to a page, the oldest first."""

        async def tokens() -> list[str]:
            found = [LINK.search(text_of(m)) for m in self._mails() if m["To"] == address]
            said = [match[2] for match in found if match and match[1] == page]
            return said if len(said) >= count else []

        return await eventually(tokens, what=f"{count} links to {page}")

    def _mails(self) -> list[EmailMessage]:
        assert self.settings.mail_folder is not None
        files = sorted(self.settings.mail_folder.glob("*.eml"), key=lambda f: f.stat().st_mtime_ns)
        return [message_from_bytes(f.read_bytes(), policy=policy.default) for f in files]


def text_of(mail: EmailMessage) -> str:
    """The words of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content


@asynccontextmanager
async def house_on(postgres: EmbeddedPostgres, folder: Path) -> AsyncIterator[House]:
    """Auth's API on a fresh database."""
    dsn = await prepared_database(postgres, DECLARATION)
    settings = AuthSettings.load(
        database_url=dsn,
        mail_folder=folder / "mail",
        storage_folder=folder / "files",
    )
    async with open_kernel_of(DECLARATION, settings) as kernel:
        app = create_app(settings, kernel)
        app.state.clock = clock = MovableClock(NOON)
        async with served(app) as client:
            yield House(client, kernel, clock, app.state.auth)


@asynccontextmanager
async def working(house: House) -> AsyncIterator[None]:
    """Auth's worker meanwhile, with a broker in this process whose messages the house hears."""
    broker = InProcessBroker()

    def hear(raw: bytes) -> None:
        house.heard.append(Envelope.from_bytes(raw))

    feeds = Feeds("", {})
    worker = create_worker(house.settings, house.kernel, broker, feeds, house.clock)
    listening = asyncio.create_task(broker.listen(hear, lambda _: None))
    work = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        for task in (work, listening):
            task.cancel()
        await asyncio.gather(work, listening, return_exceptions=True)


@pytest.fixture(scope="session")
async def shared_house(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Auth with its worker, for all tests: each makes people of its own."""
    async with house_on(postgres, tmp_path_factory.mktemp("house")) as house, working(house):
        yield house


@pytest.fixture
def house(postgres: EmbeddedPostgres, shared_house: House) -> House:
    """The same; PostgreSQL is named so that the test counts as one that starts a server."""
    return shared_house
