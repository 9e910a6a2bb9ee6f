"""Auth's second process: its messages to others, and mails."""

import asyncio

from common.broker import Broker
from common.clock import SystemClock
from common.feed import Feeds
from common.kernel import Kernel
from common.kernel_service import open_kernel_of
from common.mail import mailer_for
from common.observability import configure_logging
from common.rabbitmq import RabbitMQBroker
from common.worker import Worker, WorkerDeclaration, until_stopped

from auth.main import DECLARATION
from auth.processes.greet_a_new_account import greet_a_new_account
from auth.settings import AuthSettings


def create_worker(settings: AuthSettings, kernel: Kernel, broker: Broker, feeds: Feeds) -> Worker:
    """Auth's background work."""
    mailer = mailer_for(settings)
    declaration = WorkerDeclaration(processors=[greet_a_new_account(mailer, settings.public_url)])
    return Worker(kernel, declaration, broker, feeds, SystemClock())


async def run(settings: AuthSettings) -> None:
    """Work until cancelled."""
    broker = RabbitMQBroker(settings.required_amqp_url, partitions=settings.partitions)
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with open_kernel_of(DECLARATION, settings) as kernel:
        await create_worker(settings, kernel, broker, feeds).run()


def main() -> None:
    """`python -m auth.worker`."""
    settings = AuthSettings.load()
    configure_logging(level=settings.log_level)
    asyncio.run(until_stopped(lambda: run(settings)))


if __name__ == "__main__":
    main()
