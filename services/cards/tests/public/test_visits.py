"""Notes of visits: bounded, shared by processes, written once whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from cards.counters.events import Counts
from cards.counters.read_model import visits_of
from cards.counters.routes import Visitor
from cards.declaration import DECLARATION
from cards.visits import MOST_NOTED, Visits, counting
from common.clock import MovableClock
from common.embedded_postgres import EmbeddedPostgres
from common.ids import uuid7
from common.kernel import Kernel
from common.testing.kernel import kernel_on

START = datetime(2026, 1, 31, 23, 50, tzinfo=UTC)
AGENT = "Mozilla/5.0"


@pytest.fixture
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """Cards' log on a fresh database."""
    async with kernel_on(postgres, DECLARATION) as kernel:
        yield kernel


def visitor(n: int = 1) -> Visitor:
    return Visitor(f"192.0.2.{n}", AGENT)


async def counted(kernel: Kernel, card_id: UUID) -> Counts:
    return (await visits_of(kernel.database, card_id, since=START.date()))[1]


async def rows(kernel: Kernel, query: str) -> Any:
    async with kernel.database.reader() as reader:
        return await reader.connection.fetchval(query)


async def test_a_thousand_visits_are_few_events(kernel: Kernel) -> None:
    visits, cards = Visits(kernel, MovableClock(START)), [uuid7() for _ in range(3)]
    for n in range(1_000):
        await visits.note("scans", cards[n % 3], Visitor(f"2001:db8:{n:x}::1", AGENT))
    await visits.flush()

    assert sum([(await counted(kernel, card)).scans for card in cards]) == 1_000
    assert await rows(kernel, "select count(*) from events") == 3


async def test_two_processes_agree_who_was_here(kernel: Kernel) -> None:
    clock, card = MovableClock(START), uuid7()
    several = [Visits(kernel, clock) for _ in range(3)]
    for visits in several:
        for n in range(20):
            await visits.note("views", card, visitor(n))
    await asyncio.gather(*(visits.flush() for visits in several))

    assert await counted(kernel, card) == Counts(views=20)


async def test_the_next_day_knows_nobody_and_the_salt_is_gone(kernel: Kernel) -> None:
    clock, card = MovableClock(START), uuid7()
    visits = Visits(kernel, clock)
    await visits.note("views", card, visitor())
    clock.advance(timedelta(minutes=20))  # past midnight: written for the day it was noted on
    await visits.note("views", card, visitor())
    await visits.flush()
    clock.advance(timedelta(hours=1))
    await visits.sweep()

    days, total = await visits_of(kernel.database, card, since=START.date())
    assert ([day.counts.views for day in days], total.views) == ([1, 1], 2)
    assert await rows(kernel, "select array_agg(day::text) from visitor_salts") == ["2026-02-01"]
    assert await rows(kernel, "select array_agg(day::text) from visitors") == ["2026-02-01"]


async def test_what_could_not_be_written_stays_and_is_counted_once(kernel: Kernel) -> None:
    visits, card = Visits(kernel, MovableClock(START)), uuid7()
    await visits.note("views", card, visitor())
    async with kernel.database.owner() as owner:
        await owner.execute("alter table visitors rename to elsewhere")
        with pytest.raises(Exception, match="visitors"):
            await visits.flush()
        await owner.execute("alter table elsewhere rename to visitors")
    await visits.note("views", card, visitor())
    await visits.flush()
    await visits.flush()

    assert await counted(kernel, card) == Counts(views=1)


async def test_memory_is_bounded(kernel: Kernel) -> None:
    visits, card = Visits(kernel, MovableClock(START)), uuid7()
    for n in range(MOST_NOTED + 5):
        await visits.note("views", card, Visitor(f"2001:db8:{n:x}::1", AGENT))
    await visits.flush()

    assert (await counted(kernel, card)).views == MOST_NOTED


async def test_the_last_visits_are_written_at_the_end(kernel: Kernel) -> None:
    card = uuid7()
    async with counting(kernel, MovableClock(START)) as visits:
        await visits.note("downloads", card, visitor())

    assert await counted(kernel, card) == Counts(downloads=1)


async def test_without_a_database_a_visit_is_dropped_and_a_page_is_served(
    postgres: EmbeddedPostgres,
) -> None:
    async with kernel_on(postgres, DECLARATION) as kernel:
        visits = Visits(kernel, MovableClock(START))
    await visits.note("views", uuid4(), visitor())
    await visits.close()
