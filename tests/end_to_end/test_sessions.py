"""Two gateways, one auth, real RabbitMQ: what ends at one of them has ended at both."""

import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from auth.declaration import DECLARATION
from common.embedded_postgres import EmbeddedPostgres
from common.testing.kernel import prepared_database
from common.testing.processes import Process, forked, free_port
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

ANN = {"email": "ann@example.org", "password": "a long enough secret"}
AUTH = "/api/v1/auth/"


@dataclass
class TwoGateways:
    """The running processes and a client before each gateway."""

    ports: list[int]
    clients: list[aiohttp.ClientSession]
    gateways: list[Process]
    stack: ExitStack
    environment: dict[str, str]
    folder: Path

    async def ask(self, at: int, method: str, path: str, token: str = "", **how: Any) -> Any:
        """Status and body of a request to one of the gateways."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.clients[at].request(method, path, headers=headers, **how) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None

    async def status_of_me(self, at: int, token: str) -> int:
        """What a gateway says to this token."""
        status: int = (await self.ask(at, "GET", AUTH + "me", token))[0]
        return status

    async def login(self, at: int) -> dict[str, str]:
        """A new session."""
        status, body = await self.ask(at, "POST", AUTH + "login", json=ANN)
        assert status == 200, body
        tokens: dict[str, str] = body
        return tokens

    async def refused_everywhere(self, token: str) -> None:
        """Wait until no gateway takes this token."""
        for at in range(len(self.clients)):

            async def refused(at: int = at) -> bool:
                return await self.status_of_me(at, token) == 401

            await eventually(refused, what=f"the end at gateway {at}")

    async def restart(self, at: int) -> None:
        """End a gateway and start another in its place, which has heard nothing."""
        self.gateways[at].stop()
        self.gateways[at] = self.start_gateway(at)
        await eventually(lambda: self.ready(at), within=180, what="the new gateway")

    def start_gateway(self, at: int) -> Process:
        """One gateway process."""
        environment = {**self.environment, "PORT": str(self.ports[at])}
        output = self.folder / f"gateway{at}.txt"
        return self.stack.enter_context(forked(["gateway.main"], environment, output))

    async def ready(self, at: int) -> bool:
        """Whether a gateway can serve, and hears messages."""
        async with self.clients[at].get("/readyz") as ready, self.clients[at].get("/health") as all:
            parts = (await all.json())["parts"]
            return ready.status == 200 and parts["auth"] == parts["messages"] == "ok"


@pytest.fixture
async def two(tmp_path: Path, postgres: EmbeddedPostgres) -> AsyncIterator[TwoGateways]:
    """Auth's API and worker, and two gateways, each in a process of its own."""
    ports = [free_port() for _ in range(3)]
    auth = f"http://127.0.0.1:{ports[2]}"
    with ExitStack() as stack:
        environment = {
            "AMQP_URL": stack.enter_context(rabbitmq()),
            "PARTITIONS": "2",
            "RATE_LIMIT_SCALE": "0",
            "AUTH_URL": auth,
            "MAIL_FOLDER": str(tmp_path / "mail"),
            "STORAGE_FOLDER": str(tmp_path / "files"),
        }
        database = {"DATABASE_URL": await prepared_database(postgres, DECLARATION)}
        own = {**environment, **database, "PORT": str(ports[2])}
        stack.enter_context(forked(["auth.main"], own, tmp_path / "auth.txt"))
        worker = stack.enter_context(forked(["auth.worker"], own, tmp_path / "worker.txt"))
        clients = [aiohttp.ClientSession(f"http://127.0.0.1:{port}") for port in ports[:2]]
        system = TwoGateways(ports, clients, [], stack, environment, tmp_path)
        system.gateways += [system.start_gateway(at) for at in range(2)]
        for at in range(2):
            await eventually(lambda at=at: system.ready(at), within=180, what=f"gateway {at}")

        async def greets() -> bool:
            return "processor greet_a_new_account" in worker.said()

        await eventually(greets, within=180, what="the worker, whose rules start from now")
        yield system
        for client in clients:
            await client.close()


async def test_what_ends_at_one_gateway_has_ended_at_all_of_them(two: TwoGateways) -> None:
    """PG-02, and the aliases of CartePro's clients."""
    assert (await two.ask(0, "POST", "/auth/register", json=ANN))[0] == 201
    link = {"token": await greeted(two)}
    here, there = await two.login(0), await two.login(1)
    for at in (0, 1):
        for tokens in (here, there):
            assert await two.status_of_me(at, tokens["access_token"]) == 200

    assert (await two.ask(0, "POST", "/auth/logout", here["access_token"]))[0] == 204
    await two.refused_everywhere(here["access_token"])
    assert await two.status_of_me(1, there["access_token"]) == 200

    await two.restart(1)
    assert await two.status_of_me(1, here["access_token"]) == 401

    fresh = await two.login(1)
    changed = {"current_password": ANN["password"], "new_password": "another long secret"}
    token = fresh["access_token"]
    assert (await two.ask(1, "POST", AUTH + "password/change", token, json=changed))[0] == 204
    await two.refused_everywhere(there["access_token"])
    assert await two.status_of_me(0, token) == 200

    await renamed(two, token)
    leaving = {"password": "another long secret"}
    assert (await two.ask(0, "DELETE", AUTH + "me", token, json=leaving))[0] == 204
    await two.refused_everywhere(token)
    status, body = await two.ask(0, "POST", AUTH + "email/verify", json=link)
    assert (status, body["code"]) == (422, "link_invalid")


async def renamed(two: TwoGateways, token: str) -> None:
    """A cached read is true again at the other gateway, too."""
    for at in (0, 1):
        await two.ask(at, "GET", AUTH + "me", token)
    assert (await two.ask(0, "PATCH", AUTH + "me", token, json={"name": "Ann"}))[0] == 200
    assert (await two.ask(0, "GET", AUTH + "me", token))[1]["name"] == "Ann"

    async def known() -> bool:
        return bool((await two.ask(1, "GET", AUTH + "me", token))[1]["name"] == "Ann")

    await eventually(known, what="the name at the other gateway")


async def greeted(two: TwoGateways) -> str:
    """The token in the greeting's link, whose page a gateway shows."""

    async def tokens() -> list[str]:
        mails = [
            message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
            for file in (two.folder / "mail").glob("*.eml")
        ]
        texts = [mail.get_content() for mail in mails if mail is not None]
        return [m[1] for text in texts if (m := re.search(r"/verify#token=(\S+)", text))]

    [token] = await eventually(tokens, what="the greeting")
    async with two.clients[0].get("/verify") as page:
        assert page.status == 200
    return token
