"""Whatever auth tells of somebody's name, address and language is what billing goes by."""

from common.inbox import Reaction, Received

from billing.consumed_events import (
    AccountRegistered,
    AccountRenamed,
    EmailChanged,
    ProfileChanged,
)
from billing.customers.commands import ChangeContact, ChangeDetails
from billing.customers.decider import CUSTOMER
from billing.customers.events import Address, BillingDetails


async def register(message: AccountRegistered, received: Received) -> None:
    """The first that we hear of somebody."""
    await _contact(message, received, "email", "name", "locale")


async def rename(message: AccountRenamed, received: Received) -> None:
    """Another name or language."""
    await _contact(message, received, "name", "locale")


async def move(message: EmailChanged, received: Received) -> None:
    """Another e-mail address."""
    await _contact(message, received, "email")


async def _contact(
    message: AccountRegistered | AccountRenamed | EmailChanged, received: Received, *names: str
) -> None:
    id = message.account_id
    changes = tuple((name, getattr(message, name)) for name in names)
    command = ChangeContact(id, changes, received.now)
    await received.commands.handle_in(received.transaction, CUSTOMER, id, command, received.cause())


async def change_details(message: ProfileChanged, received: Received) -> None:
    """What new invoices say."""
    id, written = message.account_id, message.billing_address
    address = Address(**written.model_dump()) if written else None
    details = BillingDetails(message.company, address, message.vat_number)
    command = ChangeDetails(id, details, received.now)
    await received.commands.handle_in(received.transaction, CUSTOMER, id, command, received.cause())


KEEP_CUSTOMERS_AS_AUTH_KNOWS_THEM = (
    Reaction(AccountRegistered, register),
    Reaction(AccountRenamed, rename),
    Reaction(EmailChanged, move),
    Reaction(ProfileChanged, change_details),
)
