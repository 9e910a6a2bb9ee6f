"""Cards' second process: its messages to others, and what it does when it hears theirs."""

from common.broker import Broker
from common.clock import SystemClock
from common.feed import Feeds
from common.kernel import Kernel, open_kernel_of
from common.observability import configure_logging
from common.operations import operations
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_connections import knock
from common.worker import Worker, WorkerDeclaration, run_until_stopped

from cards.declaration import DECLARATION
from cards.processes.erase_cards_when_their_owner_is_erased import (
    ERASE_CARDS_WHEN_THEIR_OWNER_IS_ERASED,
)
from cards.processes.let_owners_have_as_many_cards_as_they_are_entitled_to import (
    LET_OWNERS_HAVE_AS_MANY_CARDS_AS_THEY_ARE_ENTITLED_TO,
)
from cards.processes.show_the_picture_of_the_owner_on_their_cards import (
    SHOW_THE_PICTURE_OF_THE_OWNER_ON_THEIR_CARDS,
)
from cards.settings import CardsSettings


def create_worker(kernel: Kernel, broker: Broker, feeds: Feeds) -> Worker:
    """Cards' background work."""
    declaration = WorkerDeclaration(
        handlers=[
            ERASE_CARDS_WHEN_THEIR_OWNER_IS_ERASED,
            LET_OWNERS_HAVE_AS_MANY_CARDS_AS_THEY_ARE_ENTITLED_TO,
            SHOW_THE_PICTURE_OF_THE_OWNER_ON_THEIR_CARDS,
        ]
    )
    return Worker(kernel, declaration, broker, feeds, SystemClock())


async def run(settings: CardsSettings) -> None:
    """Work until cancelled."""
    await knock(settings.required_amqp_url)
    broker = RabbitMQBroker(settings.required_amqp_url, partitions=settings.partitions)
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with (
        open_kernel_of(DECLARATION, settings) as kernel,
        operations(settings, {"database": kernel.database.answers, "messages": broker.answers}),
    ):
        await create_worker(kernel, broker, feeds).run()


def main() -> None:
    """`python -m cards.worker`."""
    settings = CardsSettings.load()
    configure_logging(level=settings.log_level)
    run_until_stopped(lambda: run(settings))


if __name__ == "__main__":
    main()
