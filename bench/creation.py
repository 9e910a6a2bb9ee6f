"""Making a card through gateway, event store and read model, while both workers do their part."""

import json
from collections.abc import Sequence

from bench.load import CONNECTIONS, Request, answers_a_second, tool
from bench.measurement import Measurement, Reference
from bench.rounds import Run, Side, in_turn
from bench.targets import line
from bench.whole_system import CARD, Person, WholeSystem, answers, plain_app, whole_system

CARTEPRO = Reference("CartePro, 2 workers", 516, recorded=True)
OWNERS = 32
"""As many as connections: the cards of one owner wait for one another, since they are counted."""
JSON = {"Content-Type": "application/json"}


async def measure(run: Run) -> list[Measurement]:
    """Both lines about making cards."""
    dsn = await run.postgres.create_database("bench_plain_cards")
    async with whole_system(run.postgres) as system:
        people = await system.people(OWNERS)
        with plain_app("fastapi", DATABASE_URL=dsn) as url:
            await answers(url)
            request = Request(f"{url}/cards", "POST", JSON, json.dumps(CARD))

            async def plain(seconds: float) -> float:
                return await answers_a_second(request, seconds)

            figures = await in_turn(run, making_cards(system, people), plain=Side(plain))
    conditions = run.told(
        f"{CONNECTIONS} connections, {OWNERS} owners, {tool()}; one process each for gateway, "
        "service, its worker; the peer: one process, one insert"
    )
    ours, peer = figures["ours"], Reference("FastAPI, asyncpg, one INSERT", figures["plain"])
    against = (("beside CartePro's", CARTEPRO), ("beside a plain service", peer))
    return [
        line("creation", f"create a card, {n}", ours, r, unit="/s", conditions=conditions)
        for n, r in against
    ]


def making_cards(system: WholeSystem, people: Sequence[Person]) -> Side:
    """Cards made a second, each without an Idempotency-Key of its caller."""

    async def work(seconds: float) -> float:
        signed_in = [await system.signed_in(person.email) for person in people]
        callers = [headers["Authorization"] for headers in signed_in]
        url = f"{system.urls['gateway']}/api/v1/cards/"
        request = Request(url, "POST", JSON, json.dumps(CARD), callers)
        return await answers_a_second(request, seconds)

    return Side(work)
