"""A renewal run: ten thousand subscriptions are due at once; one worker, then two."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
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
from billing.units import own_cause, unit
from common.clock import SystemClock
from common.kernel import Kernel
from common.testing.kernel import kernel_at, prepared_database
from common.testing.processes import process
from common.unit_of_work import UnitOfWork

from bench.cpu import seconds_of
from bench.measurement import Measurement
from bench.renewal_worker import PROVIDER
from bench.rounds import Run
from bench.targets import line

DUE = 10_000
TOGETHER = 100
TOLD = f"{DUE} due at once, provider of 0 ms, whole workers on one machine; each renewed once"
CPU = "of the workers and of PostgreSQL, until messages and mails have followed"


async def measure(run: Run) -> list[Measurement]:
    """How many are renewed a second by one worker, and by two."""
    lines = []
    for workers, name in ((1, "renewals, one worker"), (2, "renewals, two workers")):
        rate, milliseconds = await _renewed(run, workers)
        lines += [
            line("renewals", name, rate, None, unit="/s", conditions=TOLD),
            line("renewals", f"{name}, CPU of each", milliseconds, None, unit="ms", conditions=CPU),
        ]
    return lines


async def _renewed(run: Run, workers: int) -> tuple[float, float]:
    """How many a second, and milliseconds of CPU for each with all that follows from it."""
    dsn = await prepared_database(run.postgres, DECLARATION)
    async with kernel_at(dsn, DECLARATION) as kernel:
        await _fill(kernel)
    environment = {"DATABASE_URL": dsn, "DATA_KEY": KEY}
    async with kernel_at(dsn, DECLARATION) as kernel:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ids = []
            for n in range(workers):
                arguments, output = ["-m", "bench.renewal_worker"], folder / f"{n}.txt"
                ids.append(stack.enter_context(process(arguments, environment, output)).child.pid)
            await _until(_paid, kernel, 1)  # starting is not measured
            begun, start = await _paid(kernel), time.perf_counter()
            used = seconds_of(run.postgres, ids)
            await _until(_paid, kernel, DUE)
            rate = (DUE - begun) / (time.perf_counter() - start)
            await _until(_followed, kernel, 1)
            used = seconds_of(run.postgres, ids) - used
        await _check(kernel)
    return rate, used / (DUE - begun) * 1e3


async def _fill(kernel: Kernel) -> None:
    """Subscriptions whose first period has just ended, each of somebody else."""
    ends = SystemClock().now()

    async def some(streams: UnitOfWork) -> None:
        for _ in range(TOGETHER):
            await _subscribe(streams, uuid4(), ends)

    for _ in range(0, DUE, TOGETHER):
        await unit(kernel.commands, some)


async def _subscribe(streams: UnitOfWork, account: UUID, ends: datetime) -> None:
    id, invoice, begun = uuid4(), uuid4(), ends - timedelta(days=31)
    terms, waits = replace(TERMS, single_in=(uuid4(),)), ends + timedelta(days=1)
    method = SavePaymentMethod(account, uuid4(), PROVIDER, MethodFace("pm", "cus"), begun)
    create = CreateSubscription(id, account, terms, PROVIDER, False, False, invoice, waits, begun)
    activate = ActivateSubscription(invoice, PAID, begun)
    await streams.handle(CUSTOMER, account, method, own_cause(begun))
    await streams.handle(SUBSCRIPTION, id, create, own_cause(begun))
    await streams.handle(SUBSCRIPTION, id, activate, own_cause(begun))


async def _until(counted: Callable[[Kernel], Awaitable[int]], kernel: Kernel, number: int) -> None:
    async with asyncio.timeout(900):
        while await counted(kernel) < number:  # noqa: ASYNC110 (another process works)
            await asyncio.sleep(0.1)


async def _paid(kernel: Kernel) -> int:
    async with kernel.database.reader() as reader:
        found: int = await reader.connection.fetchval(_PAID)
    return found


async def _followed(kernel: Kernel) -> int:
    """1 once the relay and every processor have come to the end of the log, else 0."""
    async with kernel.database.reader() as reader:
        followed: bool = await reader.connection.fetchval(_FOLLOWED)
    return int(followed)


async def _check(kernel: Kernel) -> None:
    """None twice, and no number missing. Raises `AssertionError`."""
    async with kernel.database.reader() as reader:
        row = await reader.connection.fetchrow(_SUMS)
    assert row["events"] == row["streams"] == row["paid"] == row["last"] == DUE, dict(row)


KEY = "ZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ="
"""What `kernel_at` seals with."""
_FOLLOWED = "select bool_and(position >= (select max(position) from events)) from cursors"
_PAID = "select count(*) from invoices where status = 'paid'"
_SUMS = """
    select count(*) as events, count(distinct stream) as streams,
           (select count(*) from invoices where status = 'paid') as paid,
           (select sum(last) from document_series) as last
      from events where type = 'billing.subscription_renewed'"""
