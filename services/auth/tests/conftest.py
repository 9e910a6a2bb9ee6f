"""What auth's tests share: one real PostgreSQL, and the service on a real port."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from auth.accounts.commands import SetRoles
from auth.accounts.decider import ACCOUNT
from auth.accounts.examples import REGISTER
from auth.declaration import DECLARATION
from auth.main import create_app
from auth.settings import AuthSettings
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.event_store import Cause
from common.ids import uuid7
from common.kernel import Kernel
from common.testing.http import served, signed_in
from common.testing.kernel import kernel_on
from common.testing.postgres import temporary_postgres

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real PostgreSQL."""
    with temporary_postgres() as server:
        yield server


@dataclass
class Service:
    """Auth's API as the gateway sees it."""

    client: aiohttp.ClientSession
    kernel: Kernel
    clock: MovableClock
    settings: AuthSettings
    files: Path
    app: Any

    def app_index(self, email: str) -> str:
        """The keyed hash under which the service knows this address."""
        index: str = self.app.state.auth.email_index(email)
        return index

    async def account(self, *roles: str, **more: Any) -> UUID:
        """Somebody with these roles beside `user`."""
        id = uuid7()
        given = {"email": f"{id}@example.org", "email_index": str(id), "username": None, **more}
        command = replace(REGISTER, account_id=id, now=self.clock.now(), **given)
        await self.kernel.commands.handle(ACCOUNT, id, command, self.cause())
        if roles:
            grant = SetRoles(id, frozenset({"user", *roles}), None, self.clock.now())
            await self.kernel.commands.handle(ACCOUNT, id, grant, self.cause())
        return id

    def cause(self) -> Cause:
        """Why, for a command of the test's own."""
        return Cause(uuid4(), self.clock.now())

    def headers(self, account_id: UUID, *roles: str) -> dict[str, str]:
        """What the gateway sends for this caller."""
        now = self.clock.now()
        return signed_in(self.settings, now, account_id=account_id, roles=["user", *roles])

    async def call(self, method: str, path: str, **how: Any) -> tuple[int, Any, dict[str, str]]:
        """One request: status, body, headers in lower case."""
        async with self.client.request(method, path, **how) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            body = await (answer.json() if is_json else answer.read())
            return answer.status, body, {k.lower(): v for k, v in answer.headers.items()}


@pytest.fixture
async def service(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Service]:
    """The service on a database of its own."""
    settings = AuthSettings.load(storage_folder=tmp_path / "files")
    clock = MovableClock(NOON)
    async with kernel_on(postgres, DECLARATION) as kernel:
        app = create_app(settings, kernel)
        app.state.clock = clock
        async with served(app) as client:
            yield Service(client, kernel, clock, settings, tmp_path / "files", app)
