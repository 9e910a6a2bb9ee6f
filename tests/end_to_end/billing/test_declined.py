"""Cards that are declined when a period ends: tried again, paid with another, or the end."""

from typing import Any

import pytest
from common.testing.waiting import eventually

from tests.end_to_end.billing.shop import PATIENCE, moment_of
from tests.end_to_end.billing.twin import GOOD, LATER_DECLINED

pytestmark = pytest.mark.integration


async def test_a_new_card_pays_at_once_what_the_old_one_did_not(shop: Any) -> None:
    ann = await shop.customer("ann.has.another.card")
    id = await ann.buys(await shop.plan(1200))
    await ann.saves(LATER_DECLINED)
    before = await ann.subscription(id)

    await shop.until(before["current_period_end"])
    owing = await ann.sees(id, "past_due")
    (first,) = await ann.reads("Your payment did not go through")
    await shop.until(owing["next_retry_at"])
    await ann.reads("Your payment did not go through", times=2)
    await ann.saves(GOOD)

    active = await ann.sees(id, "active")
    assert ann.email in first["To"]
    assert active["current_period_start"] == before["current_period_end"]
    assert (active["open_invoice_id"], active["next_retry_at"]) == (None, None)
    assert [i["status"] for i in await ann.invoices()] == ["paid", "paid"]
    assert [c["amount"] for c in await shop.twin.charges(ann.id)] == [1200, 1200]
    await shop.later(days=8)
    assert (await ann.subscription(id))["status"] == "active", "no try of then is left"


async def test_what_stays_unpaid_ends_after_four_tries_with_access_through_the_grace(
    shop: Any,
) -> None:
    ann, plan = await shop.customer("ann.is.broke"), await shop.plan(limits={"cards.max": 6})
    id = await ann.buys(plan)
    await ann.saves(LATER_DECLINED)

    retries: list[str] = []
    await shop.until((await ann.subscription(id))["current_period_end"])
    for _ in range(4):
        retries.append(await another_try(ann, id, retries))
        await shop.until(retries[-1])
    unpaid = await ann.sees(id, "unpaid")
    through_the_grace = await ann.limits()
    await shop.until(unpaid["access_until"])

    first = moment_of(retries[0])
    assert [(moment_of(at) - first).days for at in retries] == [0, 2, 4, 6]
    assert through_the_grace == {"cards.max": 6}
    assert (moment_of(unpaid["access_until"]) - moment_of(retries[-1])).days == 7
    ended = await ann.sees(id, "ended")
    assert (ended["end_reason"], await ann.limits()) == ("unpaid", {})
    assert [i["status"] for i in await ann.invoices()] == ["uncollectible", "paid"]
    assert [c["amount"] for c in await shop.twin.charges(ann.id)] == [1200]
    await ann.reads("Your payment did not go through", times=4)
    await ann.reads("We could not collect your payment")
    await ann.reads("has ended")


async def another_try(person: Any, id: str, before: list[str]) -> str:
    """When the next try is, once that is known."""

    async def known() -> Any:
        at = (await person.sees(id, "past_due"))["next_retry_at"]
        return None if at in before else at

    return str(await eventually(known, within=PATIENCE, what="another try"))
