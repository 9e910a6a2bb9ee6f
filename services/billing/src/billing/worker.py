"""Billing's second process: its messages to others, and what must happen without a caller."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from common.broker import Broker
from common.feed import Feeds
from common.kernel import Kernel, open_kernel_of
from common.mail import mailer_for
from common.observability import configure_logging
from common.operations import operations
from common.rabbitmq import RabbitMQBroker
from common.rabbitmq_connections import knock
from common.timers import Timers
from common.worker import Worker, WorkerDeclaration, run_until_stopped

from billing.charging import collect
from billing.deadlines_met import deadlines_met
from billing.declaration import DECLARATION
from billing.desk import Desk
from billing.holding import ask_again as ask_again_about_held_money
from billing.mails import Mails
from billing.measuring import keep_measuring
from billing.payment_provider import PaymentProvider
from billing.processes.delete_an_erased_customer_at_their_providers import (
    delete_an_erased_customer_at_their_providers,
)
from billing.processes.detach_a_removed_payment_method import detach_a_removed_payment_method
from billing.processes.forget_a_customer_whose_account_is_erased import (
    FORGET_A_CUSTOMER_WHOSE_ACCOUNT_IS_ERASED,
)
from billing.processes.forget_mails_about_an_erased_customer import (
    forget_mails_about_an_erased_customer,
)
from billing.processes.keep_customers_as_auth_knows_them import (
    KEEP_CUSTOMERS_AS_AUTH_KNOWS_THEM,
)
from billing.processes.tell_what_an_account_may_do import tell_what_an_account_may_do
from billing.processes.use_a_new_payment_method_at_once import use_a_new_payment_method_at_once
from billing.processes.write_to_customers_about_their_money import (
    write_to_customers_about_their_money,
)
from billing.processes.write_to_customers_once_they_are_known import (
    write_to_customers_once_they_are_known,
)
from billing.provider_reactions import open_payments, owed_refunds, reacting
from billing.providers import close_providers, providers_for
from billing.refunding import ask_again
from billing.sandbox_clock import SandboxClock
from billing.settings import BillingSettings
from billing.stripe_duties import stripe_duties

TIMERS_AT_ONCE = 2
"""How many deadlines one process meets at the same time: most of it is waiting for the database."""


def create_worker(
    settings: BillingSettings,
    kernel: Kernel,
    broker: Broker,
    feeds: Feeds,
    providers: Mapping[str, PaymentProvider],
) -> Worker:
    """Billing's background work."""
    clock = SandboxClock()
    desk = Desk(kernel, settings, providers)
    mailer = mailer_for(settings)
    mails = Mails(mailer, kernel, settings.public_url)
    late = partial(write_to_customers_once_they_are_known, mails, settings.seller_country, clock)
    declaration = WorkerDeclaration(
        handlers=[
            *KEEP_CUSTOMERS_AS_AUTH_KNOWS_THEM,
            FORGET_A_CUSTOMER_WHOSE_ACCOUNT_IS_ERASED,
        ],
        processors=[
            tell_what_an_account_may_do(kernel, clock),
            use_a_new_payment_method_at_once(desk, clock),
            write_to_customers_about_their_money(mails, settings.seller_country),
            forget_mails_about_an_erased_customer(mailer),
            delete_an_erased_customer_at_their_providers(desk),
            detach_a_removed_payment_method(desk),
        ],
        on_due=deadlines_met(desk),
        duties={**_duties(desk, clock), "late mails": late},
    )
    return Worker(kernel, declaration, broker, feeds, clock)


def _duties(desk: Desk, clock: SandboxClock) -> dict[str, Callable[[], Awaitable[None]]]:
    kernel, on_due = desk.kernel, deadlines_met(desk)
    duties: dict[str, Callable[[], Awaitable[None]]] = {
        "payments": partial(collect, desk, clock),
        "refunds": partial(ask_again, desk, clock),
        "refunds of held money": partial(ask_again_about_held_money, desk, clock),
        "measuring": partial(keep_measuring, kernel.database),
        **{
            f"timers {n}": Timers(kernel.commands, on_due, clock).run
            for n in range(2, TIMERS_AT_ONCE + 1)
        },
        **stripe_duties(
            desk.settings,
            kernel,
            desk.providers,
            reacting(desk),
            partial(open_payments, desk, "stripe"),
            partial(owed_refunds, desk),
            clock,
        ),
    }
    if desk.settings.sandbox:
        duties["clock"] = partial(clock.keep_read, kernel.database)
    return duties


async def run(settings: BillingSettings) -> None:
    """Work until cancelled."""
    await knock(settings.required_amqp_url)
    broker = RabbitMQBroker(settings.required_amqp_url, partitions=settings.partitions)
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with (
        open_kernel_of(DECLARATION, settings) as kernel,
        operations(settings, {"database": kernel.database.answers, "messages": broker.answers}),
    ):
        offered = providers_for(settings)
        try:
            await create_worker(settings, kernel, broker, feeds, offered).run()
        finally:
            await close_providers(offered)


def main() -> None:
    """`python -m billing.worker`."""
    settings = BillingSettings.load()
    configure_logging(level=settings.log_level)
    run_until_stopped(lambda: run(settings))


if __name__ == "__main__":
    main()
