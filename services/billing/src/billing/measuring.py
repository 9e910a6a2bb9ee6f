"""What billing counts in its tables: how many invoices, subscriptions and payments stand where.

Counters tell what happened while a process ran; how much money is held, how many customers are in
dunning and what came in altogether only the tables know.
"""

import asyncio

from common.database import Database
from prometheus_client import Gauge

SHORTEST_PAUSE = 15.0
SHARE = 50
"""A pause is so many times as long as the count before it: large tables are counted rarely."""

STATES = ("started", "pending", "unknown", "succeeded", "held", "declined", "not_attempted")

INVOICES = Gauge("cartulary_invoices", "Invoices by state", ["status"])
OVERDUE = Gauge("cartulary_invoices_overdue", "Open invoices whose day has passed")
SUBSCRIPTIONS = Gauge("cartulary_subscriptions", "Subscriptions by state", ["status"])
PAYMENTS = Gauge("cartulary_payments", "Payments by state", ["provider", "status"])
OWED = Gauge(
    "cartulary_refunds_owed",
    "Refunds that their banks sent back: of invoices, and of held money",
    ["of"],
)
RECEIVED = Gauge(
    "cartulary_money_received_minor_units",
    "Money that ever came in for an invoice",
    ["provider", "currency"],
)


async def keep_measuring(database: Database) -> None:
    """Until cancelled; raises the database's errors, after which a supervisor starts it again."""
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await measure(database)
        await asyncio.sleep(max(SHORTEST_PAUSE, (clock() - began) * SHARE))


async def measure(database: Database) -> None:
    """Set the gauges to what is so now. Raises the database's errors."""
    async with database.reader() as reader:
        invoices = await reader.connection.fetch(_INVOICES)
        subscriptions = await reader.connection.fetch(_SUBSCRIPTIONS)
        payments = await reader.connection.fetch(_PAYMENTS)
        owed = await reader.connection.fetchrow(_OWED)
    OWED.labels("invoice").set(owed["of_invoices"])
    OWED.labels("held_money").set(owed["of_held_money"])
    for row in invoices:
        INVOICES.labels(row["status"]).set(row["number"])
    OVERDUE.set(sum(row["overdue"] for row in invoices))
    for row in subscriptions:
        SUBSCRIPTIONS.labels(row["status"]).set(row["number"])
    for provider in {row["provider"] for row in payments}:
        for status in STATES:
            PAYMENTS.labels(provider, status).set(0)
    for row in payments:
        PAYMENTS.labels(row["provider"], row["status"]).inc(row["number"])
        if row["status"] == "succeeded":
            RECEIVED.labels(row["provider"], row["currency"]).set(row["amount"])


# a state that nothing is in is counted, too
_INVOICES = """
    select known.status, count(invoice_id) as number,
           count(*) filter (where known.status = 'open' and overdue) as overdue
      from unnest(array['draft', 'open', 'paid', 'void', 'uncollectible']) as known(status)
      left join invoices using (status) group by 1"""
_SUBSCRIPTIONS = """
    select known.status, count(subscription_id) as number
      from unnest(array['pending', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'ended'])
           as known(status)
      left join subscriptions using (status) group by 1"""
_OWED = """
    select (select count(*) from invoice_refunds where status = 'returned') as of_invoices,
           (select count(*) from payments where held > 0 and exists (
                select from payment_refunds failed
                 where failed.payment_id = payments.payment_id and failed.status = 'failed')
           ) as of_held_money"""
_PAYMENTS = """
    select provider, status, amount->>'currency' as currency, count(*) as number,
           sum((amount->>'amount')::bigint)::float8 as amount
      from payments group by provider, status, currency"""
