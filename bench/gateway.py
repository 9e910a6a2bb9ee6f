"""Reads through the gateway: cached ones beside plain ASGI, others beside the bare service."""

from datetime import UTC, datetime
from uuid import uuid4

from common.access_tokens import IDENTITY_HEADER, INTERNAL_LIFETIME, Identity, InternalTokens
from common.settings import DEVELOPMENT_SECRET
from common.testing.waiting import eventually

from bench.load import CONNECTIONS, Request, answers_a_second, tool
from bench.measurement import Measurement, Reference
from bench.rounds import Run, Side, in_turn
from bench.targets import line
from bench.whole_system import Person, WholeSystem, answers, plain_app, whole_system

CARTEPRO = Reference("CartePro, 2 workers", 1_030, recorded=True)


async def measure(run: Run) -> list[Measurement]:
    """All lines about reads."""
    async with whole_system(run.postgres) as system:
        person = await system.person()
        return [*await _cached(run, system, person), *await _passed_through(run, system, person)]


async def _cached(run: Run, system: WholeSystem, person: Person) -> list[Measurement]:
    path = f"/api/v1/cards/{person.card_id}"
    headers = await system.signed_in(person.email)

    async def cached() -> str | None:
        async with system.session.get(path, headers=headers) as response:
            hit = "hit" in response.headers["Cache-Status"]
            return await response.text() if hit else None

    # the message of the card's making may come after the first read and drop its answer
    body = await eventually(cached, what="an answer from the cache")
    assert body is not None
    with plain_app("asgi", BODY=body) as url:
        await answers(url)

        async def plain(seconds: float) -> float:
            return await answers_a_second(Request(f"{url}{path}"), seconds)

        figures = await in_turn(run, reading_a_card(system, person), plain=Side(plain))
    conditions = run.told(f"{CONNECTIONS} connections, {tool()}; {len(body)} bytes, with a token")
    ours, reference = figures["ours"], Reference("plain ASGI", figures["plain"])
    beside = "cached read, beside CartePro's"
    return [
        line("gateway", "cached read", ours, reference, unit="/s", conditions=conditions),
        line("gateway", beside, ours, CARTEPRO, unit="/s", conditions=conditions),
    ]


async def _passed_through(run: Run, system: WholeSystem, person: Person) -> list[Measurement]:
    path = "/api/v1/cards/"

    async def direct(seconds: float) -> float:
        request = Request(f"{system.urls['cards']}{path}", headers=identified(person))
        return await answers_a_second(request, seconds)

    figures = await in_turn(run, _through(system, person, path), direct=Side(direct))
    reference = Reference("the service called directly", figures["direct"])
    conditions = run.told(f"{CONNECTIONS} connections, {tool()}; a list of one card, with a token")
    ours = figures["ours"]
    return [line("gateway", "pass-through", ours, reference, unit="/s", conditions=conditions)]


def reading_a_card(system: WholeSystem, person: Person) -> Side:
    """Reads of one card a second; all but the first are the cache's."""
    return _through(system, person, f"/api/v1/cards/{person.card_id}")


def _through(system: WholeSystem, person: Person, path: str) -> Side:
    async def work(seconds: float) -> float:
        headers = await system.signed_in(person.email)
        request = Request(f"{system.urls['gateway']}{path}", headers=headers)
        return await answers_a_second(request, seconds)

    return Side(work)


def identified(person: Person) -> dict[str, str]:
    """As the gateway tells a service who asks; good for a minute."""
    now = datetime.now(UTC)
    identity = Identity(person.account_id, uuid4(), frozenset(), now + INTERNAL_LIFETIME)
    return {IDENTITY_HEADER: InternalTokens(DEVELOPMENT_SECRET).sign(identity, now)}
