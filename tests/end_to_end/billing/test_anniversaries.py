"""Two years of a subscription that began on the 31st of January.

It comes first of the journeys, so that nobody else's years must be gone through with it.
"""

from calendar import monthrange
from datetime import datetime
from typing import Any

import pytest

from tests.end_to_end.billing.shop import MINE, moment_of

pytestmark = pytest.mark.integration

MONTHS = 24


def last_days(first: datetime) -> list[tuple[int, int, int]]:
    """The last day of its month and of the months after it."""
    months = [divmod(first.month - 1 + n, 12) for n in range(MONTHS + 1)]
    years = [(first.year + later, month + 1) for later, month in months]
    return [(year, month, monthrange(year, month)[1]) for year, month in years]


async def test_periods_from_the_31st_of_january_over_24_months(shop: Any) -> None:
    now = await shop.later(seconds=0)
    january = datetime(now.year + 1, 1, 31, 12, tzinfo=now.tzinfo)
    await shop.later(until=january.isoformat())
    ann, plan = await shop.customer("ann.stays"), await shop.plan(1200)
    id = await ann.buys(plan)
    first = await ann.subscription(id)

    await shop.later(until=datetime(january.year + 2, 2, 1, tzinfo=now.tzinfo).isoformat())

    paid = list(reversed(await ann.invoices(status="paid")))
    renewed = [invoice["lines"][0] for invoice in paid[1:]]
    starts = [moment_of(first["current_period_start"]), *(at(line, "starts") for line in renewed)]
    ends = [moment_of(first["current_period_end"]), *(at(line, "ends") for line in renewed)]
    assert [(day.year, day.month, day.day) for day in starts] == last_days(january)
    assert ends[:-1] == starts[1:], "no moment is paid twice, and none is free"
    assert {end.time() for end in ends} == {starts[0].time()}
    await ann.sees(id, "active", current_period_end=renewed[-1]["ends_at"])
    assert [invoice["total"]["amount"] for invoice in paid] == [1200] * (MONTHS + 1)
    assert [c["amount"] for c in await shop.twin.charges(ann.id)] == [1200] * (MONTHS + 1)
    assert len({invoice["number"] for invoice in paid}) == MONTHS + 1
    await ann.reads("Receipt", times=MONTHS + 1)
    await ann.does("POST", f"{MINE}/{id}/cancel", {"at": "now"})


def at(line: dict[str, Any], which: str) -> datetime:
    """When what a line is for starts or ends."""
    return moment_of(line[f"{which}_at"])
