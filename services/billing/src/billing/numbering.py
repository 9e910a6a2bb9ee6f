"""Numbers of documents: gapless in each series, for the counting row is locked to the commit.

A number that was taken and not used goes back with the transaction; two who finalise at once wait
for one another.
"""

from datetime import datetime

from common.database import Transaction

INVOICES, CREDIT_NOTES = "INV", "CN"


async def next_number(transaction: Transaction, series: str, at: datetime) -> str:
    """The next number of this year's series, such as INV-2026-000001. Take it last: others wait."""
    name = f"{series}-{at.year}"
    number: int = await transaction.connection.fetchval(_NEXT, name)
    return f"{name}-{number:06d}"


_NEXT = """
    insert into document_series (series, last) values ($1, 1)
        on conflict (series) do update set last = document_series.last + 1
    returning last"""
