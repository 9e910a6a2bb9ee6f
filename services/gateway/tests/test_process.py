"""The gateway as a process of its own, with a real RabbitMQ that comes and goes."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest
from common.access_tokens import sign_access_token
from common.broker import Outgoing
from common.ids import uuid7
from common.messages import Envelope
from common.rabbitmq import RabbitMQBroker
from common.testing.processes import forked, free_port
from common.testing.rabbitmq import own_rabbitmq
from common.testing.waiting import eventually

CARD = "/api/v1/cards/1/vcard"
PUBLIC = {"cache_tags": "card/1", "cache_control": "public", "etag": '"1"'}
CHANGED = Envelope(uuid7(), "cards", "cards.card_changed.v1", "card-1", 1, 0, datetime.now(UTC), {})

pytestmark = pytest.mark.integration


class Front:
    """The running gateway, asked from outside."""

    def __init__(self, client, port, operations_port):
        self.client = client
        self.url = f"http://127.0.0.1:{port}"
        self.metrics_url = f"http://127.0.0.1:{operations_port}/metrics"

    async def cache(self, body=None):
        """What the cache did for the card; nothing while the answer has another body."""
        async with self.client.get(self.url + CARD) as got:
            same = body is None or await got.read() == body
            return got.headers.get("cache-status") if same else None

    async def writes(self, token):
        headers = {"authorization": f"Bearer {token}"}
        async with self.client.patch(self.url + "/api/v1/cards/1", headers=headers) as got:
            assert got.status == 200

    async def shows(self, status, body=None):
        async def probe():
            return await self.cache(body) == status

        await eventually(probe, what=status)


@asynccontextmanager
async def running(address, amqp_url, output):
    port, operations_port = free_port(), free_port()
    environment = {
        "AUTH_URL": address,
        "CARDS_URL": address,
        "BILLING_URL": address,
        "AMQP_URL": amqp_url,
        "PORT": str(port),
        "OPERATIONS_PORT": str(operations_port),
    }
    with forked(["gateway.main"], environment, output) as started:
        async with aiohttp.ClientSession() as client:
            yield started, Front(client, port, operations_port)


async def publish(url):
    message = replace(CHANGED, id=uuid7())
    outgoing = Outgoing(message.id, message.type, message.subject, message.to_bytes())
    async with RabbitMQBroker(url).publisher() as publisher:
        assert await publisher.publish([outgoing]) == 1


async def test_purges_come_over_rabbitmq_and_its_absence_switches_the_cache_off(service, tmp_path):
    node = own_rabbitmq()
    service.answers(CARD, b"old", **PUBLIC)
    service.answers("/api/v1/cards/1", cache_tags="card/1")
    async with (
        running(service.url, node.url, tmp_path / "log") as (started, front),
        running(service.url, node.url, tmp_path / "other") as (_, other),
    ):
        for gateway in (front, other):
            await gateway.shows("cartulary; hit", b"old")
        service.answers(CARD, b"new", **PUBLIC)
        await front.writes(token(service))
        assert await front.cache(b"new")  # who wrote reads it at once, others by the message
        assert await other.cache(b"old") == "cartulary; hit"
        await publish(node.url)
        for gateway in (front, other):
            await gateway.shows("cartulary; hit", b"new")
        await asyncio.to_thread(node.stop)
        try:
            await front.shows("cartulary; fwd=bypass", b"new")
        finally:
            await asyncio.to_thread(node.start)
        await front.shows("cartulary; hit", b"new")
        async with front.client.get(front.metrics_url) as got:
            assert "cartulary_edge_cache_requests_total" in await got.text()
        service.answers("/api/v1/cards/", b'{"items": [], "total": 0}')
        headers = {"authorization": f"Bearer {token(service)}"}
        async with front.client.get(front.url + "/api/v1/me/events", headers=headers) as stream:
            assert stream.status == 200
            await stream.content.readuntil(b"retry: 3000\n\n")
            stopping = asyncio.create_task(asyncio.to_thread(started.stop))
            # an open stream does not hold up the end, and its reader is told to come back
            assert await stream.content.read() == b'event: end\ndata: {"reason":"restart"}\n\n'
        assert await stopping == 0
        assert "gateway_failed" not in started.said()


def token(service):
    """Of somebody whom auth has just let in."""
    return sign_access_token(
        service.key,
        account_id=uuid7(),
        session_id=uuid7(),
        roles=frozenset(),
        issuer="cartulary",
        audience="cartulary",
        now=datetime.now(UTC),
    )


async def test_two_processes_share_one_port_and_one_serves_on_when_the_other_stops(
    service, tmp_path
):
    port, operations_ports = free_port(), (free_port(), free_port())
    environment = {
        "AUTH_URL": service.url,
        "CARDS_URL": service.url,
        "BILLING_URL": service.url,
        "AMQP_URL": "amqp://127.0.0.1:1",
        "PORT": str(port),
        "REUSE_PORT": "true",
    }
    async with AsyncExitStack() as stack:
        first, _ = [
            stack.enter_context(
                forked(
                    ["gateway.main"],
                    {**environment, "OPERATIONS_PORT": str(operations_port)},
                    tmp_path / str(operations_port),
                )
            )
            for operations_port in operations_ports
        ]
        client = await stack.enter_async_context(aiohttp.ClientSession())

        async def both_serve():
            # the kernel chooses between the two by the connection, so each request makes a new one
            assert await read(client, port, CARD, connection="close")
            said = [await read(client, beside, "/metrics") for beside in operations_ports]
            return all("cartulary_gateway_request_seconds_count{" in text for text in said)

        await eventually(both_serve, within=60, what="requests served by each")
        assert await asyncio.to_thread(first.stop) == 0
        for _ in range(20):
            assert await read(client, port, CARD, connection="close")


async def read(client, port, path, **headers):
    async with client.get(f"http://127.0.0.1:{port}{path}", headers=headers) as got:
        return await got.text()


async def test_without_a_broker_the_process_refuses_to_start_and_says_why(tmp_path):
    with forked(["gateway.main"], {}, tmp_path / "log") as started:
        assert await asyncio.to_thread(started.child.wait, 20) != 0
        assert "AMQP_URL: is missing" in started.said()


async def test_in_production_the_default_secret_is_refused_and_no_other_key_is_asked(tmp_path):
    environment = {"ENVIRONMENT": "production", "AMQP_URL": "amqp://127.0.0.1:1"}
    with forked(["gateway.main"], environment, tmp_path / "log") as started:
        assert await asyncio.to_thread(started.child.wait, 20) != 0
        assert "INTERNAL_SECRET" in started.said()
        assert "DATA_KEY" not in started.said()
