"""Months in a minute: the clock is moved from deadline to deadline, each met in its turn."""

import asyncio
from datetime import datetime

from common.timers import Timers

from billing.charging import collect_once
from billing.deadlines_met import deadlines_met
from billing.desk import Desk
from billing.sandbox_clock import SandboxClock

ASKED_ELSEWHERE_SECONDS = 0.02


async def advance(desk: Desk, clock: SandboxClock, until: datetime) -> int:
    """Move the clock to `until`, meeting every deadline on the way at its own time; how many."""
    database = desk.kernel.database
    on_due = deadlines_met(desk)
    timers = Timers(desk.kernel.commands, on_due, clock)
    met = await _meet_all(desk, clock, timers)
    while True:
        async with database.reader() as reader:
            following = await reader.connection.fetchval(_NEXT, list(on_due))
        if following is None or following > until:
            break
        if following > clock.now():
            await clock.move_to(database, following)
        met += await _meet_all(desk, clock, timers)
    await clock.move_to(database, until)
    return met + await _meet_all(desk, clock, timers)


async def _meet_all(desk: Desk, clock: SandboxClock, timers: Timers) -> int:
    """Everything that is due now, and what becomes due by it."""
    met = 0
    while True:
        while done := await timers.step():
            met += done
        if await collect_once(desk, clock):
            continue
        async with desk.kernel.database.reader() as reader:
            waiting = await reader.connection.fetchval(_ASKED_ELSEWHERE, clock.now())
        if not waiting:
            return met
        await asyncio.sleep(ASKED_ELSEWHERE_SECONDS)  # a worker is asking the provider


_NEXT = """
    select min(due) from (
        select min(due) as due from timers where done_at is null and kind = any($1::text[])
        union all select min(due) from payment_calls) as all_due"""
_ASKED_ELSEWHERE = """
    select exists (
        select from payment_calls where due <= $1 and leased_until > clock_timestamp())"""
