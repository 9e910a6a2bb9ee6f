"""What stands about an account in these books: what somebody who is to erase it wants to know."""

from dataclasses import dataclass
from uuid import UUID

from common.database import Database

from billing.subscriptions.read_model import LIVE


@dataclass(frozen=True)
class Holdings:
    """How many of each there are; invoices and their payments outlive the account."""

    subscription_count: int
    live_subscription_count: int
    invoice_count: int
    open_invoice_count: int
    payment_method_count: int


async def holdings_of(database: Database, account_id: UUID) -> Holdings:
    """Of one account; nothing of one that is not known."""
    async with database.reader() as reader:
        row = await reader.connection.fetchrow(_COUNT, account_id, list(LIVE))
    return Holdings(*row)


_COUNT = """
    select (select count(*) from subscriptions where account_id = $1),
           (select count(*) from subscriptions where account_id = $1 and status = any($2)),
           (select count(*) from invoices where account_id = $1 and status <> 'draft'),
           (select count(*) from invoices where account_id = $1 and status = 'open'),
           (select count(*) from payment_methods where account_id = $1)"""
