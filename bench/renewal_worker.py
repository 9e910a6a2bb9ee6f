"""One worker of billing as it runs in production, with a provider that answers at once."""

import asyncio
import os
from uuid import UUID

from billing.declaration import DECLARATION
from billing.payment_provider import Outcome, SavedMethod, Succeeded
from billing.settings import BillingSettings
from billing.transfers import Transfers
from billing.worker import create_worker
from common.feed import Feeds
from common.in_process import InProcessBroker
from common.kernel import open_kernel_of
from common.money import Money
from common.observability import configure_logging
from common.worker import run_until_stopped

PROVIDER = "instant"


class InstantProvider(Transfers):
    """Takes any amount from any saved method, in no time."""

    name = PROVIDER

    async def charge(
        self, payment_id: UUID, method: SavedMethod, amount: Money, *, text: str, key: str
    ) -> Outcome:
        """The money moved."""
        return Succeeded(str(payment_id), amount)


async def _work() -> None:
    settings = BillingSettings.load(database_url=os.environ["DATABASE_URL"])
    async with open_kernel_of(DECLARATION, settings) as kernel:
        providers = {PROVIDER: InstantProvider()}
        worker = create_worker(settings, kernel, InProcessBroker(), Feeds("", {}), providers)
        await asyncio.gather(worker.run())


if __name__ == "__main__":
    configure_logging(level="warning")
    run_until_stopped(_work)
