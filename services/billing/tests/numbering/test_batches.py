"""What falls due together is renewed together, and each of it as it would be by itself."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from billing.charging import collect_once
from billing.deadlines_met import deadlines_met
from billing.desk import Desk
from billing.payment_provider import NotAttempted, RefundState, Succeeded
from billing.provider_news import Heard, RefundNews
from billing.provider_reactions import reacting
from billing.settings import BillingSettings
from billing.settling import settle_all
from billing.subscriptions.commands import CancelSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.transfers import TRANSFER, Transfers
from billing.units import own_cause
from common.clock import SystemClock
from common.kernel import Kernel
from common.money import Money
from common.problems import NotFound
from common.timers import Timers

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
CARDS = ["ok", "declined", "stolen", "cent_less", "unknown", "authenticate", "silent"]
BECOMES = ["active", "past_due", "unpaid", "active", "active", "active", "active"]
PAID = [True, False, False, False, False, False, False]


@pytest.fixture
def desk(kernel: Kernel, provider_in_memory: Any) -> Desk:
    """Where money is moved, in memory."""
    provider_in_memory.cards = {card: card for card in CARDS}
    provider_in_memory.silent_after = {"silent"}
    providers = {"stripe": provider_in_memory, TRANSFER: Transfers()}
    return Desk(kernel, BillingSettings.load(), providers)


async def end_periods(desk: Desk) -> int:
    return await Timers(desk.kernel.commands, deadlines_met(desk), CLOCK).step()


async def rows(kernel: Kernel, question: str, *arguments: Any) -> list[Any]:
    async with kernel.database.reader() as reader:
        found: list[Any] = await reader.connection.fetch(question, *arguments)
        return found


async def test_each_of_a_batch_becomes_what_it_would_become_by_itself(
    kernel: Kernel, desk: Desk, fall_due: Any
) -> None:
    ids = await fall_due("stripe", CARDS)
    by_transfer, cancelled = await fall_due(TRANSFER, ["none"]), await fall_due("stripe", ["ok"])
    cancel = CancelSubscription(None, "period_end", CLOCK.now())
    await kernel.commands.handle(SUBSCRIPTION, cancelled[0], cancel, own_cause(CLOCK.now()))

    assert await end_periods(desk) == len(CARDS) + 2
    assert await collect_once(desk, CLOCK) == len(CARDS)

    everybody = [*ids, *by_transfer, *cancelled]
    states = {r["subscription_id"]: r["status"] for r in await rows(kernel, STATES)}
    assert [states[id] for id in everybody] == [*BECOMES, "past_due", "ended"]
    paid = {r["subscription_id"]: r["status"] == "paid" for r in await rows(kernel, INVOICES)}
    assert [paid[id] for id in [*ids, *by_transfer]] == [*PAID, False]
    numbers = [r["number"][-6:] for r in await rows(kernel, INVOICES)]
    assert sorted(numbers) == [f"{n:06d}" for n in range(1, len(CARDS) + 2)]


async def test_one_payment_that_cannot_be_settled_does_not_stop_the_others(
    kernel: Kernel, desk: Desk, fall_due: Any
) -> None:
    await fall_due("stripe", ["ok"] * 3)
    await end_periods(desk)
    payments = [r["payment_id"] for r in await rows(kernel, PAYMENTS)]
    outcomes = {id: Succeeded(str(id), Money(1200, "EUR")) for id in payments}

    with pytest.raises(NotFound):
        await settle_all(desk, {uuid4(): NotAttempted(None, "x"), **outcomes}, CLOCK.now())
    await settle_all(desk, outcomes, CLOCK.now())

    assert [r["status"] for r in await rows(kernel, INVOICES)] == ["paid"] * 3


async def test_two_who_settle_the_same_payments_settle_them_once(
    kernel: Kernel, desk: Desk, fall_due: Any
) -> None:
    await fall_due("stripe", ["ok"] * 3)
    await end_periods(desk)
    payments = [r["payment_id"] for r in await rows(kernel, PAYMENTS)]
    outcomes = {id: Succeeded(str(id), Money(1200, "EUR")) for id in payments}

    await asyncio.gather(*(settle_all(desk, outcomes, CLOCK.now()) for _ in range(4)))

    assert [r["status"] for r in await rows(kernel, INVOICES)] == ["paid"] * 3
    renewed = await rows(kernel, RENEWED)
    assert len(renewed) == len({r["stream"] for r in renewed}) == 3


async def test_a_refund_that_is_refused_takes_no_number(
    kernel: Kernel, desk: Desk, fall_due: Any
) -> None:
    await fall_due("stripe", ["ok"])
    await end_periods(desk)
    await collect_once(desk, CLOCK)
    payment = (await rows(kernel, PAYMENTS))[0]

    await hear_of_a_refund(desk, payment["payment_id"], 5000)
    refused = await rows(kernel, "select from document_series where series like 'CN-%'")
    await hear_of_a_refund(desk, payment["payment_id"], 1200)

    assert refused == []
    notes = [r["number"] for r in await rows(kernel, "select number from invoice_refunds")]
    assert [number[-7:] for number in notes] == ["-000001"]


async def hear_of_a_refund(desk: Desk, payment_id: UUID, amount: int) -> None:
    """The provider tells of money that it has given back."""
    now = CLOCK.now()
    said = RefundState(f"re_{amount}", "pi", Money(amount, "EUR"), "succeeded")
    async with desk.kernel.database.transaction() as transaction:
        heard = Heard("stripe", own_cause(now), now)
        await reacting(desk)(transaction, RefundNews(said, payment_id), heard)


STATES = "select subscription_id, status from subscriptions"
INVOICES = "select subscription_id, status, number from invoices"
PAYMENTS = "select payment_id from payments order by payment_id"
RENEWED = "select stream from events where type = 'billing.subscription_renewed'"
