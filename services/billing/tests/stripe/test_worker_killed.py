"""A worker killed between storing and effect loses nothing and doubles nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.testing.processes import process
from common.testing.waiting import eventually

WORKER = Path(__file__).parent / "worker_process.py"

pytestmark = pytest.mark.integration


async def test_kill_9_between_effect_and_commit(house: Any, tmp_path: Path) -> None:
    payment, _ = await house.bought()
    await house.everything_was_sent()
    environment = {
        "DATABASE_URL": house.kernel.database.dsn,
        "STRIPE_SECRET_KEY": "sk_test_billing",
        "STRIPE_WEBHOOK_SECRETS": house.secret,
        "STRIPE_API_BASE": house.twin.url,
        "HOLD": "1",
    }
    with process([str(WORKER)], environment, tmp_path / "worker.txt") as worker:

        async def stands_still() -> bool:
            return "effect done" in worker.said()

        await eventually(stands_still, within=60, what="a worker amid its work")
        worker.kill()
    assert await house.heard() == []
    assert await house.stored("leased_until is not null and done_at is null") > 0

    # its claims run out by themselves; the test does not wait for it
    async with house.kernel.database.reader() as writer:
        await writer.connection.execute(
            "update provider_notifications set leased_until = leased_until - $1::interval",
            timedelta(minutes=10),
        )

    async def done() -> bool:
        await house.work_until_done()
        return await house.stored("done_at is null") == 0

    await eventually(done, within=60, what="all work")

    assert len(await house.heard("PaymentNews")) == 1
    assert len(await house.heard("PageNews")) == 1
    assert await house.heard(str(payment))


async def test_who_lost_his_claim_meanwhile_does_not_tell(house: Any) -> None:
    await house.bought()
    await house.everything_was_sent()
    work = house.work
    looked = house.gateway.news

    async def slow_look(notified: Any) -> Any:
        async with house.kernel.database.reader() as writer:
            await writer.connection.execute(
                "update provider_notifications set leased_until = now() - interval '1 hour'"
            )
        house.gateway.news = looked
        await house.work_until_done()
        return await looked(notified)

    house.gateway.news = slow_look
    try:
        await work.step()
    finally:
        del house.gateway.news

    assert len(await house.heard("PaymentNews")) == 1
    assert len(await house.heard("PageNews")) == 1
