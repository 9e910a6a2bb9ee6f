"""Numbers of documents: gapless in each series, for the counting row is locked to the commit.

A number that was taken and not used goes back with the transaction; two who finalise at once wait
for one another.
"""

from collections.abc import Sequence
from datetime import datetime

from common.database import Transaction

INVOICES, CREDIT_NOTES = "INV", "CN"


async def next_number(transaction: Transaction, series: str, at: datetime) -> str:
    """The next number of this year's series, such as INV-2026-000001. Take it last: others wait."""
    return (await next_numbers(transaction, series, at, 1))[0]


async def next_numbers(
    transaction: Transaction, series: str, at: datetime, count: int
) -> Sequence[str]:
    """The same for several documents, of which each must be written in this transaction."""
    name = f"{series}-{at.year}"
    last: int = await transaction.connection.fetchval(_NEXT, name, count)
    return [f"{name}-{number:06d}" for number in range(last - count + 1, last + 1)]


_NEXT = """
    insert into document_series (series, last) values ($1, $2)
        on conflict (series) do update set last = document_series.last + excluded.last
    returning last"""
