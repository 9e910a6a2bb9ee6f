"""A renewal run: ten thousand subscriptions are due at once; one worker, then two."""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from billing.customers.commands import SavePaymentMethod
from billing.customers.decider import CUSTOMER
from billing.customers.events import MethodFace
from billing.declaration import DECLARATION
from billing.subscriptions.commands import ActivateSubscription, CreateSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import PAID, TERMS
from common.clock import SystemClock
from common.event_store import Cause
from common.kernel import Kernel
from common.testing.kernel import kernel_at, migrated_database
from common.testing.processes import process

from bench.measurement import Measurement
from bench.renewal_worker import PROVIDER
from bench.rounds import Run
from bench.targets import line

DUE = 10_000
AT_ONCE = 16


async def measure(run: Run) -> list[Measurement]:
    """How many are renewed a second by one worker, and by two."""
    figures = [await _renewed_per_second(run, workers) for workers in (1, 2)]
    told = f"{DUE} due at once, provider of 0 ms, whole workers on one machine; each renewed once"
    return [
        line("renewals", "renewals, one worker", figures[0], None, unit="/s", conditions=told),
        line("renewals", "renewals, two workers", figures[1], None, unit="/s", conditions=told),
    ]


async def _renewed_per_second(run: Run, workers: int) -> float:
    dsn = await migrated_database(run.postgres, DECLARATION.migrations)
    async with kernel_at(dsn, DECLARATION, pool_size=AT_ONCE) as kernel:
        await _fill(kernel)
    environment = {"DATABASE_URL": dsn, "DATA_KEY": KEY}
    async with kernel_at(dsn, DECLARATION) as kernel:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for n in range(workers):
                arguments, output = ["-m", "bench.renewal_worker"], folder / f"{n}.txt"
                stack.enter_context(process(arguments, environment, output))
            await _until(kernel, 1)  # starting is not measured
            begun, start = await _renewed(kernel), time.perf_counter()
            await _until(kernel, DUE)
            rate = (DUE - begun) / (time.perf_counter() - start)
        await _check(kernel)
    return rate


async def _fill(kernel: Kernel) -> None:
    """Subscriptions whose first period has just ended, each of somebody else."""
    ends = SystemClock().now()
    begun = ends - timedelta(days=31)
    free = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with free:
            await _subscribe(kernel, uuid4(), begun)

    await asyncio.gather(*(one() for _ in range(DUE)))


async def _subscribe(kernel: Kernel, account: UUID, begun: datetime) -> None:
    commands, id, invoice = kernel.commands, uuid4(), uuid4()
    terms = replace(TERMS, single_in=(uuid4(),))
    method = SavePaymentMethod(account, uuid4(), PROVIDER, MethodFace("pm", "cus"), begun)
    create = CreateSubscription(id, account, terms, PROVIDER, False, False, invoice, begun, begun)
    activate = ActivateSubscription(invoice, PAID, begun)
    await commands.handle(CUSTOMER, account, method, Cause(uuid4(), begun))
    await commands.handle(SUBSCRIPTION, id, create, Cause(uuid4(), begun))
    await commands.handle(SUBSCRIPTION, id, activate, Cause(uuid4(), begun))


async def _until(kernel: Kernel, number: int) -> None:
    async with asyncio.timeout(900):
        while await _renewed(kernel) < number:  # noqa: ASYNC110 (another process works)
            await asyncio.sleep(0.05)


async def _renewed(kernel: Kernel) -> int:
    async with kernel.database.reader() as reader:
        found: int = await reader.connection.fetchval(_RENEWED)
    return found


async def _check(kernel: Kernel) -> None:
    """None twice, and no number missing. Raises `AssertionError`."""
    async with kernel.database.reader() as reader:
        row = await reader.connection.fetchrow(_SUMS)
    assert row["events"] == row["streams"] == row["paid"] == row["last"] == DUE, dict(row)


KEY = "ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
"""What `kernel_at` seals with."""
_RENEWED = "select count(*) from invoices where status = 'paid'"
_SUMS = """
    select count(*) as events, count(distinct stream) as streams,
           (select count(*) from invoices where status = 'paid') as paid,
           (select sum(last) from document_series) as last
      from events where type = 'billing.subscription_renewed'"""
