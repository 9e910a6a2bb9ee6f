"""What billing's tables hold is measured as it stands, and a state that nothing is in is 0."""

from typing import Any

import pytest
from billing.measuring import measure
from prometheus_client import REGISTRY

pytestmark = pytest.mark.integration


def shown(name: str, **labels: str) -> float | None:
    """What Prometheus would read."""
    return REGISTRY.get_sample_value(f"cartulary_{name}", labels)


async def test_money_invoices_subscriptions_and_payments_are_counted(world: Any) -> None:
    ann, bob = await world.customer(), await world.customer()
    plan = await world.plan(1200)
    await ann.has(plan)
    ordered = await bob.orders(plan)

    await measure(world.kernel.database)

    assert shown("money_received_minor_units", provider="stripe", currency="EUR") == 1200
    assert shown("invoices", status="paid") == 1
    assert shown("invoices", status="open") == 1
    assert shown("invoices", status="uncollectible") == 0
    assert shown("invoices_overdue") == 0
    assert shown("subscriptions", status="active") == 1
    assert shown("subscriptions", status="pending") == 1
    assert shown("payments", provider="stripe", status="succeeded") == 1
    assert shown("payments", provider="stripe", status="started") == 1
    assert shown("payments", provider="stripe", status="held") == 0

    await bob.pays(ordered.body["checkout_url"])
    await bob.is_in("active", ordered.body["subscription"]["id"])
    await measure(world.kernel.database)

    assert shown("money_received_minor_units", provider="stripe", currency="EUR") == 2400
    assert shown("payments", provider="stripe", status="started") == 0
    assert shown("subscriptions", status="pending") == 0


async def test_an_invoice_whose_day_has_passed_is_counted_as_overdue(world: Any) -> None:
    eve = await world.customer()
    ordered = await eve.orders(await world.plan(900), payment_method="invoice")
    paid = f"/api/v1/admin/invoices/{ordered.body['invoice']['id']}/mark-paid"
    assert (await world.admin.ask("POST", paid)).status == 200

    await world.later(days=32)
    await world.later(days=15)
    await measure(world.kernel.database)

    assert shown("invoices_overdue") == 1
