"""Auth's second process: its messages to others, and mails."""

from functools import partial

from common.broker import Broker
from common.clock import Clock, SystemClock
from common.feed import Feeds
from common.kernel import Kernel, open_kernel_of
from common.mail import mailer_for
from common.object_storage import storage_for
from common.observability import configure_logging
from common.operations import operations
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_connections import knock
from common.worker import Worker, WorkerDeclaration, run_until_stopped

from auth.avatars import Avatars
from auth.declaration import DECLARATION
from auth.link_tokens import LinkTokens
from auth.mails import Mails
from auth.processes.ask_a_new_address_to_confirm import ask_a_new_address_to_confirm
from auth.processes.forget_mails_about_an_erased_account import (
    forget_mails_about_an_erased_account,
)
from auth.processes.greet_a_new_account import greet_a_new_account
from auth.processes.let_the_old_address_object import let_the_old_address_object
from auth.processes.release_a_former_address import RELEASE_A_FORMER_ADDRESS
from auth.processes.send_a_link_to_reset_a_password import send_a_link_to_reset_a_password
from auth.processes.send_a_link_to_verify_an_address import send_a_link_to_verify_an_address
from auth.processes.tell_of_a_changed_password import tell_of_a_changed_password
from auth.processes.tell_of_a_reused_refresh_token import tell_of_a_reused_refresh_token
from auth.processes.throw_away_avatars_that_nobody_shows import (
    throw_away_avatars_that_nobody_shows,
)
from auth.settings import AuthSettings
from auth.signing_keys import keep_renewed

MAILS = (
    greet_a_new_account,
    send_a_link_to_verify_an_address,
    ask_a_new_address_to_confirm,
    let_the_old_address_object,
    send_a_link_to_reset_a_password,
    tell_of_a_changed_password,
    tell_of_a_reused_refresh_token,
)


def create_worker(
    settings: AuthSettings,
    kernel: Kernel,
    broker: Broker,
    feeds: Feeds,
    clock: Clock | None = None,
) -> Worker:
    """Auth's background work."""
    clock = clock or SystemClock()
    links = LinkTokens(settings.data_key_bytes)
    mailer = mailer_for(settings)
    mails = Mails(mailer, kernel.database, links, settings.public_url)
    avatars = Avatars(storage_for(settings))
    declaration = WorkerDeclaration(
        processors=[
            *(rule(mails) for rule in MAILS),
            throw_away_avatars_that_nobody_shows(avatars),
            forget_mails_about_an_erased_account(mailer),
        ],
        on_due=RELEASE_A_FORMER_ADDRESS,
        duties={"keys": partial(keep_renewed, kernel.database, kernel.store.keys, clock)},
    )
    return Worker(kernel, declaration, broker, feeds, clock)


async def run(settings: AuthSettings) -> None:
    """Work until cancelled."""
    await knock(settings.required_amqp_url)
    broker = RabbitMQBroker(settings.required_amqp_url, partitions=settings.partitions)
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with (
        open_kernel_of(DECLARATION, settings) as kernel,
        operations(settings, {"database": kernel.database.answers, "messages": broker.answers}),
    ):
        await create_worker(settings, kernel, broker, feeds).run()


def main() -> None:
    """`python -m auth.worker`."""
    settings = AuthSettings.load()
    configure_logging(level=settings.log_level)
    run_until_stopped(lambda: run(settings))


if __name__ == "__main__":
    main()
