"""What got lost on the way is found by comparing, told to core, and stands in the report."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from billing.reconciliation import OpenPayment, OwedRefund, reports
from common.ids import uuid7
from common.money import Money
from common.testing.http import signed_in

PRICE = Money(1999, "EUR")
HOUR = timedelta(hours=1)


def open_here(payment: UUID, reference: str | None) -> OpenPayment:
    """A payment that core waits for."""
    return OpenPayment(payment, reference, PRICE, datetime.now(UTC))


async def test_what_the_provider_could_not_deliver_is_fetched_and_worked_on(house: Any) -> None:
    await house.twin.set("switches", drop=100)
    payment, _ = await house.bought()
    assert await house.stored() == 0

    report = await house.reconciliation.run(uuid7())
    await house.work_until_done()

    assert report.notifications_recovered == await house.stored() > 0
    assert "Succeeded" in (await house.heard(str(payment)))[-1]


async def test_after_a_loss_a_late_retry_changes_nothing(house: Any) -> None:
    await house.twin.set("switches", drop=100)
    payment, _ = await house.bought()
    await house.reconciliation.run(uuid7())
    await house.work_until_done()
    told = await house.heard(str(payment))
    stored = await house.stored()

    await house.twin.set("retry_lost")
    await house.everything_was_sent()
    await house.work_until_done()

    assert await house.heard(str(payment)) == told
    assert await house.stored() == stored


async def test_an_open_payment_that_is_settled_there_is_told_to_core(house: Any) -> None:
    await house.twin.set("webhook_endpoints", url="http://127.0.0.1:1/", secret="whsec_" + "x" * 20)
    await house.twin.v1.webhook_endpoints.delete_async(house.endpoint)
    payment, page = await house.bought()
    waiting = (await house.gateway.checkout_page(await house.order(), key="w")).reference
    house.open = [open_here(payment, page), open_here(uuid4(), waiting)]

    report = await house.reconciliation.run(uuid7())

    assert [(d.kind, d.payment_id, d.there) for d in report.differences] == [
        ("settled_there", str(payment), "succeeded")
    ]
    assert "Succeeded" in (await house.heard(str(payment)))[0]


async def test_a_run_that_loses_races_for_what_it_tells_still_reports_it(house: Any) -> None:
    await house.twin.set("switches", drop=100)
    payment, page = await house.bought()
    house.open, house.racing = [open_here(payment, page)], 3

    report = await house.reconciliation.run(uuid7())

    assert report.kinds == {"settled_there": 1}
    assert len(await house.heard(str(payment))) == 1


async def test_a_charge_whose_answer_got_lost_is_found_by_our_own_id(house: Any) -> None:
    await house.twin.v1.webhook_endpoints.delete_async(house.endpoint)
    payment = uuid4()
    await house.twin.pays(metadata={"payment_id": str(payment)})
    house.open = [open_here(payment, None)]

    report = await house.reconciliation.run(uuid7())

    assert report.kinds == {"settled_there": 1}
    assert await house.heard(str(payment))


async def test_another_amount_and_a_payment_nobody_knows_there_stand_out(house: Any) -> None:
    payment, page = await house.bought()
    house.open = [
        replace(open_here(payment, page), amount=Money(2000, "EUR")),
        open_here(uuid4(), "pi_nobody"),
        open_here(uuid4(), None),
    ]

    report = await house.reconciliation.run(uuid7())

    assert report.kinds == {"amount_differs": 1, "not_there": 1}
    assert report.differences[0].there == "19.99 EUR of 20.00 EUR"


async def test_when_both_sides_agree_the_report_says_so_to_administrators(house: Any) -> None:
    page = (await house.gateway.checkout_page(await house.order(), key="x")).reference
    house.open = [open_here(uuid4(), page)]
    await house.reconciliation.run_if_due(HOUR)
    path, now = "/api/v1/admin/reconciliations", datetime.now(UTC)

    async with house.client.get(
        path, headers=signed_in(house.settings, now, roles=["admin"])
    ) as answer:
        [shown] = (await answer.json())["items"]
    async with house.client.get(path, headers=signed_in(house.settings, now)) as refused:
        assert refused.status == 403

    assert (shown["agreed"], shown["open_payments"], shown["differences"]) == (True, 1, [])


async def test_several_workers_compare_once_in_a_while(house: Any) -> None:
    runs = [await house.reconciliation.run_if_due(HOUR) for _ in range(3)]

    assert [run is not None for run in runs] == [True, False, False]
    assert await house.reconciliation.run_if_due(timedelta(0)) is not None


async def test_the_report_names_the_refunds_that_are_owed(house: Any) -> None:
    owed = OwedRefund(uuid4(), uuid4(), "re_1", PRICE)
    house.owed = [owed]

    await house.reconciliation.run_if_due(HOUR)

    [told] = await reports(house.kernel, 1)
    assert [(one["refund_id"], one["amount"]) for one in told["refunds_owed"]] == [
        (str(owed.refund_id), {"amount": PRICE.amount, "currency": "EUR"})
    ]
