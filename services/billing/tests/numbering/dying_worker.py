"""A worker of billing that ends itself at a named point, and whose provider remembers the money.

`python dying_worker.py` with the service's settings, CRASH_POINT and CRASH_PASS in the environment.
"""

import asyncio
import random
from uuid import UUID

from billing.declaration import DECLARATION
from billing.payment_provider import Outcome, SavedMethod, Succeeded
from billing.settings import BillingSettings
from billing.transfers import Transfers
from billing.worker import create_worker
from common.database import Database
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.kernel import open_kernel_of
from common.money import Money
from common.observability import configure_logging
from common.testing.faults.crash_points import CrashPoint, CrashPoints, with_crash_points
from common.worker import run_until_stopped

SLOWEST = 0.02
"""Seconds; so that a kill meets calls that are under way."""


class RememberingProvider(Transfers):
    """Moves the money of a key once, in a table of its own; the same key gets the same answer."""

    name = "remembering"

    def __init__(self, database: Database, points: CrashPoints) -> None:
        self._database = database
        self._points = points

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        """The money moved, sooner or later."""
        await asyncio.sleep(random.random() * SLOWEST)
        async with self._database.reader() as writer:
            await writer.connection.execute(_MOVE, key, amount.amount)
        self._points.reach(CrashPoint.AFTER_EFFECT)
        return Succeeded(str(payment_id), amount)


async def work() -> None:
    """Work until killed."""
    settings, points = BillingSettings.load(), CrashPoints.from_environment()
    async with open_kernel_of(DECLARATION, settings) as kernel:
        providers = {"remembering": RememberingProvider(kernel.database, points)}
        dying = with_crash_points(kernel, points)
        worker = create_worker(settings, dying, InProcessBroker(), Feeds("", {}), providers)
        await worker.run()


_MOVE = """
    insert into moved_money (key, amount, calls) values ($1, $2, 1)
        on conflict (key) do update set calls = moved_money.calls + 1"""

if __name__ == "__main__":
    configure_logging(level="warning")
    run_until_stopped(work)
