"""From a change's message to the new answer at each of two gateways, both under load."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from statistics import quantiles

import aiohttp
from common.broker import Outgoing, Publisher
from common.ids import uuid7
from common.messages import Envelope
from common.rabbitmq import RabbitMQBroker
from common.testing.processes import free_port
from common.testing.rabbitmq import rabbitmq
from common.testing.waiting import eventually

from bench.gateways import gateways
from bench.load import CONNECTIONS, Request, answers_a_second, tool
from bench.measurement import Measurement
from bench.plain_apps import NEXT, TAG
from bench.rounds import Run
from bench.targets import line
from bench.whole_system import answers, plain_app

READ = "/view/a-card"
PERCENTILES = (50, 99)
PAUSES = {"": 20, ", as much load as they take": 0}
"""Milliseconds between two reads of each connection of the load, by what a line's name ends in."""
LOST_AFTER_SECONDS = 30.0


async def measure(run: Run) -> list[Measurement]:
    """All lines. Each load lasts as long as all rounds of another measurement."""
    async with _changing() as changing:
        return [
            measured
            for kind, pause in PAUSES.items()
            for measured in await _under(changing, run, kind, pause)
        ]


async def _under(changing: "_Changing", run: Run, kind: str, pause: int) -> list[Measurement]:
    seconds = run.seconds * run.rounds
    loads = [
        asyncio.create_task(answers_a_second(Request(url + READ, pause=pause), seconds))
        for url in changing.gateways
    ]
    waits = await changing.waits(seconds)
    rates = " and ".join(f"{rate:,.0f}" for rate in await asyncio.gather(*loads))
    conditions = (
        f"{len(waits):,} changes one after the other in {seconds:g} s, from the start of a "
        "change's publishing to the new answer at the later of two gateways; meanwhile "
        f"{CONNECTIONS} connections at each, which answered {rates} reads of the same page a "
        f"second; {tool()} for each, a service and the broker on the same {os.cpu_count()} cores"
    )
    cuts = quantiles(waits, n=100)
    return [
        line(
            "purges",
            f"change to new answer at both gateways{kind}, p{n}",
            cuts[n - 1] * 1e3,
            None,
            unit="ms",
            conditions=conditions,
        )
        for n in PERCENTILES
    ]


@dataclass(frozen=True)
class _Changing:
    """A service whose one page changes, gateways that keep it, and the messages that tell them."""

    session: aiohttp.ClientSession
    service: str
    gateways: Sequence[str]
    publisher: Publisher

    async def waits(self, seconds: float) -> list[float]:
        """In seconds, until each change was seen. Raises `TimeoutError` for one that never was."""
        found = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            async with self.session.post(self.service + NEXT) as response:
                body = await response.read()
            published = time.perf_counter()
            seen = [asyncio.create_task(self._seen(url, body)) for url in self.gateways]
            await self._publish()
            found.append(max(await asyncio.gather(*seen)) - published)
        return found

    async def kept(self) -> bool:
        """Whether all gateways answer for the service."""
        return all([await self._is_kept(url) for url in self.gateways])

    async def _is_kept(self, url: str) -> bool:
        async with self.session.get(url + READ) as response:
            return "hit" in response.headers["Cache-Status"]

    async def _seen(self, url: str, body: bytes) -> float:
        async with asyncio.timeout(LOST_AFTER_SECONDS):
            while True:
                async with self.session.get(url + READ) as response:
                    if await response.read() == body:
                        return time.perf_counter()

    async def _publish(self) -> None:
        stream = TAG.replace("/", "-")
        now, n = datetime.now(UTC), next(_VERSIONS)
        message = Envelope(uuid7(), "cards", "cards.card_changed.v1", stream, n, n - 1, now, {})
        outgoing = Outgoing(message.id, message.type, message.subject, message.to_bytes())
        await self.publisher.publish([outgoing])


_VERSIONS = count(1)


@asynccontextmanager
async def _changing() -> AsyncIterator[_Changing]:
    ports = [free_port(), free_port()]
    with rabbitmq() as amqp_url, plain_app("changing") as service:
        await answers(service)
        services = dict.fromkeys(("auth", "cards", "billing"), service)
        async with (
            gateways(ports, services, amqp_url, CHECK_ROUTES="false"),
            RabbitMQBroker(amqp_url).publisher() as publisher,
            aiohttp.ClientSession() as session,
        ):
            urls = [f"http://127.0.0.1:{port}" for port in ports]
            changing = _Changing(session, service, urls, publisher)
            await eventually(changing.kept, what="a kept answer at each gateway")
            yield changing
