"""All that billing holds about a person, for their export."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from common.kernel import Kernel

from billing.customers.read_model import customer_of, methods_of

_NOT_THEIRS = frozenset({"version", "names"})


async def held_about(kernel: Kernel, account_id: UUID) -> Mapping[str, Any]:
    """How to reach them, what invoices say of them, and their saved ways to pay."""
    customer = asdict(await customer_of(kernel.database, account_id))
    methods = await methods_of(kernel.database, account_id)
    return {
        "customer": {name: v for name, v in customer.items() if name not in _NOT_THEIRS},
        "payment_methods": [asdict(method) for method in methods],
    }
