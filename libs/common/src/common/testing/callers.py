"""A started service and who asks it: what the tests of every service would otherwise repeat.

Its tests add in a `World` and a `Person` of their own what their business needs.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from common.clock import SystemClock
from common.kernel import Kernel
from common.messages import Envelope
from common.settings import ServiceSettings
from common.testing.http import signed_in
from common.worker import Worker


@dataclass
class Answer:
    """Status, decoded body and headers (small letters)."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class StartedService:
    """It answers requests, and its worker hears what others tell."""

    client: aiohttp.ClientSession
    kernel: Kernel
    worker: Worker
    settings: ServiceSettings

    async def ask(self, method: str, path: str, **how: Any) -> Answer:
        """One request by nobody."""
        async with self.client.request(method, path, **how) as response:
            text = "json" in response.headers.get("Content-Type", "")
            body = await (response.json(content_type=None) if text else response.read())
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, body, headers)

    async def hear(
        self,
        type: str,
        account: UUID,
        data: dict[str, Any] | None = None,
        *,
        stream: str = "account",
        version: int = 1,
    ) -> None:
        """A message of another service arrives."""
        envelope = Envelope(
            id=uuid4(),
            source=type.partition(".")[0],
            type=type,
            stream=f"{stream}-{account}",
            version=version,
            prev=version - 1,
            time=SystemClock().now(),
            data={"account_id": str(account), **(data or {})},
        )
        await self.worker.inbox.handle([envelope.to_bytes()])


@dataclass
class Caller:
    """Somebody with a token, as the gateway names them."""

    world: StartedService
    account: UUID
    roles: tuple[str, ...]

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; header names have underscores."""
        identity = signed_in(
            self.world.settings, SystemClock().now(), account_id=self.account, roles=self.roles
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        how = {"json": body} if body is not None else {}
        return await self.world.ask(method, path, headers={**identity, **sent}, **how)
