"""Workers that come late, as real processes: what happened before has its effects, each once."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import aio_pika
import aiohttp
import asyncpg
import pytest
from cards.settings import CardsSettings
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.testing.http import signed_in
from common.testing.kernel import prepared_database
from common.testing.processes import free_port
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

from tests.end_to_end.systems import SERVICES, UNLIMITED, Launcher

pytestmark = pytest.mark.integration

LONG = 180
PASSWORD = "a long enough secret"


@dataclass
class Apart:
    """The services' processes, asked directly, and what stands in their logs."""

    launcher: Launcher
    urls: dict[str, str]
    dsns: dict[str, str]
    client: aiohttp.ClientSession

    async def ask(
        self, service: str, method: str, path: str, body: Any, caller: UUID | None = None
    ) -> Any:
        """One request, as the gateway would hand it on; what was answered."""
        now = SystemClock().now()
        headers = signed_in(CardsSettings(), now, account_id=caller) if caller else {}
        url = self.urls[service] + path
        async with self.client.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json(content_type=None)

    async def registered(self, email: str) -> UUID:
        """Somebody new."""
        body = {"email": email, "password": PASSWORD}
        told = await self.ask("auth", "POST", "/api/v1/auth/register", body)
        return UUID(told["user"]["id"])

    async def ready(self, service: str) -> bool:
        """Whether its API is."""
        async with self.client.get(f"{self.urls[service]}/readyz") as answer:
            return answer.status == 200

    async def is_told(self, service: str) -> bool:
        """Whether its relay has noted down that all of its log is published."""
        row = await self.rows(service, _TOLD)
        return bool(row[0]["told"])

    async def has_heard(self, service: str) -> bool:
        """Whether it takes auth for heard from the beginning."""
        try:
            return "auth" in {row["source"] for row in await self.rows(service, _BEGUN)}
        except asyncpg.UndefinedTableError:
            return False  # its worker makes the tables

    async def happened(self, service: str, stream: str) -> list[str]:
        """The types of a stream's events, in order."""
        rows = await self.rows(service, _STREAM, stream)
        return [row["type"] for row in rows]

    async def rows(self, service: str, query: str, *values: object) -> list[asyncpg.Record]:
        """Whatever its database answers."""
        connection = await asyncpg.connect(self.dsns[service])
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()


_TOLD = """
    select count(*) > 0 as told from cursors, events_position_seq
     where name = 'relay' and position >= last_value"""
_STREAM = "select type from events where stream = $1 order by version"
_BEGUN = "select source from inbox where stream = ''"


async def without_queues(amqp_url: str) -> None:
    """As if no worker had ever been there; the broker is that of other tests before."""
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        for service in SERVICES:
            for n in range(2):
                await channel.queue_delete(f"{service}.p{n}")


async def test_workers_that_come_late_hear_of_everything_once(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    ports = {name: free_port() for name in SERVICES}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    dsns = {s: await prepared_database(postgres, d) for s, d in SERVICES.items()}
    with ExitStack() as stack:
        amqp_url = stack.enter_context(rabbitmq())
        await without_queues(amqp_url)
        own = {s: {"PORT": str(ports[s]), "DATABASE_URL": dsns[s]} for s in SERVICES}
        shared = {
            **UNLIMITED,
            "AMQP_URL": amqp_url,
            "PARTITIONS": "2",
            "FEEDS": json.dumps(urls),
            "MAIL_FOLDER": str(tmp_path / "mail"),
            "STORAGE_FOLDER": str(tmp_path / "files"),
        }
        environments = {f"{s}.{half}": shared | own[s] for s in own for half in ("main", "worker")}
        launcher = Launcher(tmp_path, stack, environments)
        async with aiohttp.ClientSession() as client:
            await tell_late_workers(Apart(launcher, urls, dsns, client))


async def tell_late_workers(apart: Apart) -> None:
    """Ann and Bob come, Ann goes again; only then do those begin who should have heard of it."""
    for module in ("auth.main", "auth.worker", "cards.main"):
        apart.launcher.start(module, {})
    for service in ("auth", "cards"):
        await eventually(partial(apart.ready, service), within=LONG, what=service)
    ann, bob = await apart.registered("ann@example.org"), await apart.registered("bob@example.org")
    card = {"name": "Ann Onym", "title": "Tester", "email": "ann@example.org"}
    made = {
        who: await apart.ask("cards", "POST", "/api/v1/cards/", card, who) for who in (ann, bob)
    }
    await apart.ask("auth", "DELETE", "/api/v1/auth/me", {"password": PASSWORD}, ann)
    await eventually(lambda: apart.is_told("auth"), within=LONG, what="auth's messages")

    # billing's API is not there: nobody hears its past, and nobody waits for it
    for module in ("cards.worker", "billing.worker"):
        apart.launcher.start(module, {})

    for service in ("cards", "billing"):
        await eventually(partial(apart.has_heard, service), within=LONG, what=service)
    cards = {who: await apart.happened("cards", f"card-{made[who]['id']}") for who in made}
    assert cards == {
        ann: ["cards.card_created", "cards.card_erased"],
        bob: ["cards.card_created"],
    }
    customers = {who: await apart.happened("billing", f"customer-{who}") for who in made}
    assert customers == {
        ann: ["billing.customer_contact_changed", "billing.customer_erased"],
        bob: ["billing.customer_contact_changed"],
    }
    for service in ("cards", "billing"):
        assert await apart.rows(service, "select * from parked") == []
