"""When an account is erased, its subscriptions end and billing forgets the customer.

Invoices keep the copy that they carry, which the law wants kept and another key seals. What their
providers call them is kept sealed until they are deleted there.
"""

from common.inbox import Reaction, Received

from billing.consumed_events import AccountErased
from billing.customers.commands import EraseCustomer
from billing.customers.decider import CUSTOMER
from billing.customers.read_model import customer_of
from billing.farewells import remember
from billing.late_mails import forget
from billing.subscriptions.commands import EndSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import LIVE, subscriptions_in

NOT_ENDED = ("pending", "paused", *LIVE)


async def react(message: AccountErased, received: Received) -> None:
    """Destroy the person's key here, then record that they are gone and pay for nothing more."""
    commands, transaction, now = received.commands, received.transaction, received.now
    id = message.account_id
    names = (await customer_of(transaction, id)).names
    await remember(transaction, commands.store.keys, id, names)
    await forget(transaction, id, now)
    await commands.store.keys.erase(transaction, id, now)
    await commands.handle_in(transaction, CUSTOMER, id, EraseCustomer(id, now), received.cause())
    end = EndSubscription("erased", now)
    for n, row in enumerate(await subscriptions_in(transaction, id, NOT_ENDED), start=1):
        cause = received.cause(n)
        await commands.handle_in(transaction, SUBSCRIPTION, row.subscription_id, end, cause)


FORGET_A_CUSTOMER_WHOSE_ACCOUNT_IS_ERASED = Reaction(AccountErased, react)
