"""A worker that only works on notifications, and can be made to stand still before its commit.

`python worker_process.py`, with the service's settings and HOLD in the environment.
"""

import asyncio
import os
import sys

from billing.declaration import DECLARATION
from billing.notification_work import NotificationWork
from billing.provider_news import Heard, ProviderNews
from billing.providers import close_providers, providers_for
from billing.settings import BillingSettings
from billing.stripe_gateway import StripeGateway
from common.clock import SystemClock
from common.database import Transaction
from common.kernel_service import open_kernel_of


async def hear(transaction: Transaction, news: ProviderNews, heard: Heard) -> None:
    """Core's part, after which nothing follows for ever if HOLD is set."""
    await transaction.connection.execute(
        "insert into heard (command_id, news) values ($1, $2)", heard.cause.command_id, repr(news)
    )
    if os.environ.get("HOLD"):
        sys.stdout.write("effect done, not committed\n")
        await asyncio.Event().wait()


async def main() -> None:
    """Work until killed."""
    settings = BillingSettings.load()
    providers = providers_for(settings)
    gateway = providers["stripe"]
    assert isinstance(gateway, StripeGateway)
    async with open_kernel_of(DECLARATION, settings) as kernel:
        await NotificationWork(kernel, gateway, hear, SystemClock()).run()
    await close_providers(providers)


if __name__ == "__main__":
    asyncio.run(main())
