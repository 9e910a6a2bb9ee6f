"""kill -9 while numbers are given and money moves: no gap, no number twice, nothing paid twice."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from billing.checkout import Order, buy
from billing.customers.commands import SavePaymentMethod
from billing.customers.decider import CUSTOMER
from billing.customers.events import MethodFace
from billing.declaration import DECLARATION
from billing.desk import Desk
from billing.settings import BillingSettings
from billing.subscriptions.commands import ActivateSubscription, CreateSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import PAID, TERMS
from billing.transfers import TRANSFER, Transfers
from billing.units import own_cause, unit
from common.clock import SystemClock
from common.embedded_postgres import EmbeddedPostgres
from common.kernel import Kernel
from common.testing.faults.crash_points import CrashPoint
from common.testing.kernel import kernel_on
from common.testing.processes import Process, process
from common.testing.waiting import eventually
from common.unit_of_work import UnitOfWork
from common.verification import verify_log

pytestmark = pytest.mark.integration

WORKER = Path(__file__).parent / "dying_worker.py"
DATA_KEY = "ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
"""What `kernel_on` seals with."""
SECONDS = float(os.environ.get("FAULTS_SECONDS", "0")) / 5
SEED = int(os.environ.get("FAULTS_SEED", "1"))
DUE = 150
PAUSE = 0.02
"""Seconds between two orders: they shall meet the renewals and not crowd them out."""
PATIENCE = 120


@pytest.fixture
async def kernel(postgres: EmbeddedPostgres) -> AsyncIterator[Kernel]:
    """Billing on a fresh database, beside the table of a provider."""
    async with kernel_on(postgres, DECLARATION) as kernel:
        async with kernel.database.owner() as owner:
            await owner.execute(
                "create table moved_money (key text primary key, amount int, calls int)"
            )
            await owner.execute("grant all on moved_money to cartulary_service")
        yield kernel


async def test_workers_killed_amid_renewals_leave_no_gap_and_pay_nothing_twice(
    kernel: Kernel, tmp_path: Path
) -> None:
    chance, end = random.Random(SEED), time.monotonic() + SECONDS
    rounds = orders = 0
    while rounds == 0 or time.monotonic() < end:
        rounds += 1
        await fall_due(kernel, DUE)
        enough = asyncio.Event()
        ordering = asyncio.ensure_future(order_by_transfer(kernel, enough))
        with ExitStack() as stack:
            strike = Strikes(kernel, stack, tmp_path, chance)
            await strike.themselves(CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_EFFECT)
            await asyncio.gather(
                strike.themselves(CrashPoint.AFTER_COMMIT), strike.from_outside(rounds * DUE)
            )
            strike.start()
            await all_paid(kernel, rounds * DUE)
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
            return all(worker.popen.poll() is not None for worker in workers)

        await eventually(all_ended, within=PATIENCE, what="the end of the workers")
        for worker in workers:
            assert worker.popen.poll() == -signal.SIGKILL, worker.said()[-2000:]

    async def from_outside(self, due: int) -> None:
        """A worker at any moment of its work; nothing is left to be done if it was too fast."""
        worker, enough = self.start(), self._chance.randint(1, DUE)
        await self._let_claims_run_out()
        begun = await paid(self._kernel)

        async def has_done_enough() -> bool:
            return await paid(self._kernel) >= min(due, begun + enough)

        await eventually(has_done_enough, within=PATIENCE, what="some work")
        worker.kill()
        await self._let_claims_run_out()

    async def _let_claims_run_out(self) -> None:
        """They do by themselves; the test does not wait for it."""
        async with self._kernel.database.reader() as writer:
            await writer.connection.execute("update payment_calls set leased_until = null")


async def fall_due(kernel: Kernel, number: int) -> None:
    """So many subscriptions whose first period has just ended, each of somebody else."""
    ends = SystemClock().now()
    begun = ends - timedelta(days=31)

    async def work(streams: UnitOfWork) -> None:
        for _ in range(number):
            account, id, invoice, cause = uuid4(), uuid4(), uuid4(), own_cause(begun)
            face = MethodFace("pm", "cus")
            method = SavePaymentMethod(account, uuid4(), "remembering", face, begun)
            terms = replace(TERMS, single_in=(uuid4(),))
            create = CreateSubscription(
                id, account, terms, "remembering", False, False, invoice, begun, begun
            )
            await streams.handle(CUSTOMER, account, method, cause)
            await streams.handle(SUBSCRIPTION, id, create, own_cause(begun))
            activate = ActivateSubscription(invoice, PAID, begun)
            await streams.handle(SUBSCRIPTION, id, activate, own_cause(begun))

    await unit(kernel.commands, work)


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


async def all_paid(kernel: Kernel, due: int) -> None:
    async def done() -> bool:
        return await paid(kernel) == due

    await eventually(done, within=PATIENCE, what="all renewals")


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
