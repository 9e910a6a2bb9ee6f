"""When an account is erased, billing forgets the customer; invoices keep the copy they carry."""

from common.inbox import Reaction, Received

from billing.consumed_events import AccountErased
from billing.customers.commands import EraseCustomer
from billing.customers.decider import CUSTOMER


async def react(message: AccountErased, received: Received) -> None:
    """Destroy the person's key here, then record that the customer is gone.

    What the law wants kept is not sealed under this key: see the invoices' events.
    """
    commands, transaction, now = received.commands, received.transaction, received.now
    await commands.store.keys.erase(transaction, message.account_id, now)
    command = EraseCustomer(message.account_id, now)
    await commands.handle_in(transaction, CUSTOMER, message.account_id, command, received.cause())


FORGET_A_CUSTOMER_WHOSE_ACCOUNT_IS_ERASED = Reaction(AccountErased, react)
