"""What the worker makes of notifications: once, in turn, and again when something was broken."""

import asyncio
from typing import Any

from common.testing.logs import json_log


async def test_a_reaction_that_fails_comes_again_and_takes_effect_once(house: Any) -> None:
    payment, _ = await house.bought()
    await house.everything_was_sent()
    house.failing = 2
    with json_log():
        await house.work_until_done()
    failed = await house.stored("done_at is null")
    await house.all_due()
    await house.work_until_done()

    assert failed >= 1
    assert await house.stored("done_at is null") == 0
    assert len(await house.heard("PaymentNews")) == 1
    assert await house.heard(str(payment))


async def test_while_the_provider_is_away_the_work_waits(house: Any) -> None:
    await house.bought()
    await house.everything_was_sent()
    await house.twin.set("faults", kind="rate_limit", path="/v1/", method="GET", times=100)
    await house.work_until_done()
    waiting = await house.stored("done_at is null and result = 'provider_unavailable'")
    await house.twin.set("forget_faults")
    await house.all_due()
    await house.work_until_done()

    assert waiting == await house.stored("kind <> 'other'")
    assert await house.stored("done_at is null") == 0


async def test_two_workers_never_look_at_the_same_thing_at_once(house: Any) -> None:
    for _ in range(3):
        await house.bought()
    await house.everything_was_sent()

    await asyncio.gather(*(house.work_until_done() for _ in range(4)))

    assert await house.stored("done_at is null") == 0
    assert await house.stored("attempts > 1") == 0
    assert len(await house.heard("PageNews")) == 3


async def test_disputes_refunds_and_removed_cards_are_told(house: Any) -> None:
    payment, reference = await house.bought("4000000000000259")
    paid = (await house.gateway.page(reference)).outcome
    await house.twin.set("clock", seconds=3600)
    _, other = await house.bought()
    second = (await house.gateway.page(other)).outcome
    await house.gateway.refund(second.reference, second.captured, reason="x", key="r")
    await house.twin.v1.payment_methods.detach_async(second.method.reference)
    await house.everything_was_sent()
    await house.work_until_done()

    [dispute] = await house.heard("DisputeNews")
    [refund] = await house.heard("RefundNews")

    assert f"UUID('{payment}')" in dispute
    assert paid.reference in dispute
    assert "status='open'" in dispute
    assert "status='succeeded'" in refund
    assert any("method=None" in told for told in await house.heard("MethodNews"))


async def test_old_ones_are_forgotten_and_stuck_ones_are_told_of(house: Any) -> None:
    await house.bought()
    await house.everything_was_sent()
    house.failing = 100
    with json_log():
        await house.work_until_done()
    async with house.kernel.database.reader() as writer:
        await writer.connection.execute(
            "update provider_notifications set received_at = now() - interval '40 days',"
            " done_at = done_at - interval '40 days'"
        )
    stuck = await house.work.sweep()

    assert stuck == await house.stored() > 0


async def test_who_loses_a_race_tells_again_at_once_and_nobody_is_alarmed(house: Any) -> None:
    await house.bought()
    await house.everything_was_sent()
    house.racing = 3
    with json_log() as log:
        await house.work_until_done()

    assert await house.stored("done_at is null") == 0
    assert len(await house.heard("PaymentNews")) == 1
    assert '"error"' not in log.getvalue()
