"""All that billing holds about a person, for their export."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID

from common.kernel import Kernel

from billing.customers.read_model import customer_of, methods_of
from billing.invoices.read_model import invoices_page
from billing.subscriptions.read_model import subscriptions_page

BATCH = 100

_NOT_THEIRS = frozenset({"version", "names"})


async def held_about(kernel: Kernel, account_id: UUID) -> Mapping[str, Any]:
    """How to reach them, how they pay, what they subscribed to and what they were invoiced."""
    database = kernel.database
    customer = asdict(await customer_of(database, account_id))
    return {
        "customer": {name: v for name, v in customer.items() if name not in _NOT_THEIRS},
        "payment_methods": [asdict(row) for row in await methods_of(database, account_id)],
        "subscriptions": await _all(partial(subscriptions_page, database, account=account_id)),
        "invoices": await _all(partial(invoices_page, database, account=account_id, status=None)),
    }


async def _all(page: Callable[..., Awaitable[tuple[Sequence[Any], int]]]) -> list[dict[str, Any]]:
    """Every row, read in pages: as many as there may be."""
    found: list[dict[str, Any]] = []
    while True:
        rows, total = await page(per_page=BATCH, skip=len(found))
        found += [asdict(row) for row in rows]
        if not rows or len(found) >= total:
            return found
