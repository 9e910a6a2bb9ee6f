"""kill -9 while numbers are given and money moves: no gap, no number twice, nothing paid twice."""

import asyncio
import os
import random
import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from billing.checkout import Order, buy
from billing.desk import Desk
from billing.settings import BillingSettings
from billing.subscriptions.examples import TERMS
from billing.transfers import TRANSFER, Transfers
from billing.units import own_cause
from common.clock import SystemClock
from common.kernel import Kernel
from common.testing.faults.crash_points import CrashPoint
from common.testing.processes import Process, process
from common.testing.waiting import eventually
from common.verification import verify_log

pytestmark = pytest.mark.integration

WORKER = Path(__file__).parent / "dying_worker.py"
DATA_KEY = "ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
"""What `kernel_on` seals with."""
SECONDS = float(os.environ.get("FAULTS_SECONDS", "0")) / 5
SEED = int(os.environ.get("FAULTS_SEED", "1"))
DUE = 150
COMMITS = (CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_COMMIT)
PAUSE = 0.02
"""Seconds between two orders: they shall meet the renewals and not crowd them out."""
PATIENCE = 120
STANDING_STILL = 50
"""Looks without any progress."""


async def test_workers_killed_amid_renewals_leave_no_gap_and_pay_nothing_twice(
    kernel: Kernel, fall_due: Any, tmp_path: Path
) -> None:
    async with kernel.database.owner() as owner:
        await owner.execute(_PROVIDER)
    chance, end = random.Random(SEED), time.monotonic() + SECONDS
    rounds = orders = 0
    while rounds == 0 or time.monotonic() < end:
        rounds += 1
        await fall_due("remembering", ["pm"] * DUE)
        enough = asyncio.Event()
        ordering = asyncio.ensure_future(order_by_transfer(kernel, enough))
        with ExitStack() as stack:
            strike = Strikes(kernel, stack, tmp_path, chance)
            await strike.themselves(CrashPoint.AFTER_EFFECT, chance.choice(COMMITS))
            strike.start()
            await strike.from_outside(rounds * DUE)
            await strike.until_all_are_paid(rounds * DUE)
        enough.set()
        orders += await ordering
        await check(kernel, renewals=rounds * DUE, orders=orders)


class Strikes:
    """Starts workers and sees them die."""

    def __init__(
        self, kernel: Kernel, stack: ExitStack, folder: Path, chance: random.Random
    ) -> None:
        self._kernel = kernel
        self._stack = stack
        self._folder = folder
        self._chance = chance

    def start(self, **more: str) -> Process:
        """One more worker."""
        environment = {"DATABASE_URL": self._kernel.database.dsn, "DATA_KEY": DATA_KEY, **more}
        output = self._folder / f"{uuid4().hex}.txt"
        return self._stack.enter_context(process([str(WORKER)], environment, output))

    async def themselves(self, *points: CrashPoint) -> None:
        """Workers side by side, each until it comes to its point for the n-th time."""
        passes = [str(self._chance.randint(1, 3)) for _ in points]
        workers = [
            self.start(CRASH_POINT=point.value, CRASH_PASS=n)
            for point, n in zip(points, passes, strict=True)
        ]

        async def all_ended() -> bool:
            await self._let_claims_run_out()
            return all(worker.child.poll() is not None for worker in workers)

        await eventually(all_ended, within=PATIENCE, what="the end of the workers")
        for worker in workers:
            assert worker.child.poll() == -signal.SIGKILL, worker.said()[-2000:]

    async def from_outside(self, due: int) -> None:
        """A worker at any moment of its work, beside whoever else works."""
        worker, enough = self.start(), self._chance.randint(1, DUE)
        await self._let_claims_run_out()
        begun = await paid(self._kernel)

        async def has_done_enough() -> bool:
            return await paid(self._kernel) >= min(due, begun + enough)

        await eventually(has_done_enough, within=PATIENCE, what="some work")
        worker.kill()
        await self._let_claims_run_out()

    async def until_all_are_paid(self, due: int) -> None:
        """What is left is done by whoever lives."""
        before, looked = -1, 0

        async def done() -> bool:
            nonlocal before, looked
            now = await paid(self._kernel)
            before, looked = now, looked + 1 if now == before else 0
            if looked % STANDING_STILL == STANDING_STILL - 1:
                # a server may still carry out the last claim of a client that was killed
                await self._let_claims_run_out()
            return now == due

        await eventually(done, within=PATIENCE, what="all renewals")

    async def _let_claims_run_out(self) -> None:
        """They do by themselves; the test does not wait for it."""
        async with self._kernel.database.reader() as writer:
            await writer.connection.execute("update payment_calls set leased_until = null")


async def order_by_transfer(kernel: Kernel, enough: asyncio.Event) -> int:
    """Customers who take numbers at the same time, as an API does for them; how many there were."""
    desk = Desk(kernel, BillingSettings.load(), {TRANSFER: Transfers()})
    number = 0
    while not enough.is_set():
        terms = replace(TERMS, single_in=(uuid4(),), trial_days=0)
        order = Order(uuid4(), terms, TRANSFER)
        await buy(desk, order, own_cause(SystemClock().now()))
        number += 1
        await asyncio.sleep(PAUSE)
    return number


async def paid(kernel: Kernel) -> int:
    async with kernel.database.reader() as reader:
        found: int = await reader.connection.fetchval(_PAID)
    return found


async def check(kernel: Kernel, *, renewals: int, orders: int) -> None:
    """Numbers without gaps, and each thing once."""
    async with kernel.database.reader() as reader:
        numbers = [row["number"] for row in await reader.connection.fetch(_NUMBERS)]
        series = await reader.connection.fetch("select series, last from document_series")
        once = await reader.connection.fetchrow(_ONCE)
        money = await reader.connection.fetchrow(_MONEY)
    given = [f"{row['series']}-{n:06d}" for row in series for n in range(1, row["last"] + 1)]
    assert sorted(numbers) == sorted(given)
    assert len(numbers) == renewals + orders
    assert dict(once) == {
        "renewed": renewals,
        "subscriptions": renewals,
        "paid": renewals,
        "invoices": renewals,
        "attempts": renewals,
        "held": 0,
    }
    assert (money["keys"], money["amount"]) == (renewals, renewals * TERMS.price.amount)
    assert money["calls"] > renewals, "nobody died between the money and its record"
    assert [flaw async for flaw in verify_log(kernel.database)] == []


_PROVIDER = """
    create table moved_money (key text primary key, amount int, calls int);
    grant all on moved_money to cartulary_service"""
_PAID = "select count(*) from invoices where status = 'paid'"
_NUMBERS = """
    select data ->> 'number' as number from events where type = 'billing.invoice_finalised'"""
_ONCE = """
    select count(*) filter (where type = 'billing.subscription_renewed') as renewed,
           count(distinct stream) filter (where type = 'billing.subscription_renewed')
               as subscriptions,
           count(*) filter (where type = 'billing.invoice_paid') as paid,
           count(distinct stream) filter (where type = 'billing.invoice_paid') as invoices,
           count(*) filter (where type = 'billing.payment_succeeded') as attempts,
           count(*) filter (where type = 'billing.payment_held') as held
      from events"""
_MONEY = "select count(*) as keys, sum(amount) as amount, sum(calls) as calls from moved_money"
