"""Do we and the provider agree? What neither told the other is found, told to core, and reported.

Two things are compared: the notifications that the provider could not deliver with those we have,
and the payments that are open here with what they are there.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from common.clock import Clock, SystemClock
from common.event_store import Cause
from common.ids import uuid7
from common.kernel import Kernel
from common.money import Money
from common.races import until_won
from prometheus_client import Gauge
from pydantic_core import to_jsonable_python

from billing.notifications import Notifications
from billing.payment_provider import Pending, Succeeded, Unknown
from billing.provider_news import Heard, NewsSource, OnOutcome, PageNews, PaymentNews, ProviderNews

log = structlog.get_logger(__name__)

DIFFERENCES = Gauge("cartulary_reconciliation_differences", "Differences found by the last run")
LOOK_BACK = timedelta(days=3)
"""So long ago a notification may have got lost: providers try again for three days."""
KEPT = 1_000
"""Reports kept."""


@dataclass(frozen=True, slots=True)
class OpenPayment:
    """A payment that is not settled here. `reference` is the provider's name of the payment, or of
    the page on which it is made; nothing is known of it there when there is none."""

    payment_id: UUID
    reference: str | None
    amount: Money
    begun_at: datetime


OpenPayments = Callable[[], Awaitable[Sequence[OpenPayment]]]
"""Core's answer to what is open with this provider."""


@dataclass(frozen=True, slots=True)
class OwedRefund:
    """A refund that its bank sent back, and that is not settled here yet."""

    refund_id: UUID
    payment_id: UUID
    reference: str | None
    amount: Money


OwedRefunds = Callable[[], Awaitable[Sequence[OwedRefund]]]
"""Core's answer to what customers are owed."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What was not the same. `kind`: settled_there, amount_differs, not_there."""

    kind: str
    payment_id: str
    reference: str | None
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Report:
    """One run. Without differences, both sides agree. `refunds_owed` is money that lies with the
    provider and belongs to customers."""

    id: UUID
    provider: str
    open_payments: int
    payments_there: int
    notifications_recovered: int
    differences: Sequence[Difference]
    refunds_owed: Sequence[OwedRefund] = ()

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many differences there are of each kind."""
        return Tally(difference.kind for difference in self.differences)

    def as_json(self) -> dict[str, Any]:
        """As it is kept and shown."""
        told = asdict(self) | {"id": str(self.id), "agreed": not self.differences}
        owed: list[dict[str, Any]] = to_jsonable_python(self.refunds_owed)
        differences = [asdict(d) for d in self.differences]
        return told | {"differences": differences, "refunds_owed": owed}


class Reconciliation:
    """Compares with one provider, now and then; one worker at a time."""

    def __init__(
        self,
        kernel: Kernel,
        source: NewsSource,
        open_payments: OpenPayments,
        on_outcome: OnOutcome,
        clock: Clock,
        owed_refunds: OwedRefunds,
    ) -> None:
        self._database = kernel.database
        self._owed_refunds = owed_refunds
        self._source = source
        self._open_payments = open_payments
        self._on_outcome = on_outcome
        self._clock = clock
        self._machine = SystemClock()

    async def keep_running(self, every: float) -> None:
        """Run every so many seconds, together with the other workers, until cancelled."""
        while True:
            await self.run_if_due(timedelta(seconds=every))
            await asyncio.sleep(min(every, 60.0))

    async def run_if_due(self, every: timedelta) -> Report | None:
        """Run, unless a run has begun so shortly ago."""
        now = self._machine.now()
        id = uuid7()
        async with self._database.transaction() as transaction:
            await transaction.connection.execute(_ONE_AT_A_TIME)
            begun = await transaction.connection.fetchval(
                _BEGIN, id, self._source.name, now, now - every
            )
        return await self.run(id) if begun else None

    async def run(self, id: UUID) -> Report:
        """Compare, tell core of what it missed, and keep the report. Raises
        `ProviderUnavailable`: then nothing is reported, and the next run finds it."""
        since = self._machine.now() - LOOK_BACK
        # what is open is read first: what is settled meanwhile is no difference
        here = await self._open_payments()
        recovered = await self._recover(since)
        there = await self._source.payment_news(since)
        by_payment = {news.payment_id: news for news in there if news.payment_id}
        differences = []
        for payment in here:
            found = by_payment.get(payment.payment_id) or await self._looked_up(payment)
            difference = _difference(payment, found)
            if difference is not None:
                differences.append(difference)
                # what was recovered is worked on beside us and changes the same: who loses tells
                # again, or what this run found would never be reported
                await until_won(partial(self._tell, found, id))
        counted = (len(here), len(there), recovered)
        owed = await self._owed_refunds()
        report = Report(id, self._source.name, *counted, differences, owed)
        await self._keep(report)
        return report

    async def _recover(self, since: datetime) -> int:
        inbox = Notifications(self._database, self._source.name)
        lost = await self._source.undelivered(since)
        now = self._machine.now()
        return sum([await inbox.store(notified, now) for notified in lost])

    async def _looked_up(self, payment: OpenPayment) -> ProviderNews | None:
        return await self._source.news_of(payment.reference) if payment.reference else None

    async def _tell(self, news: ProviderNews | None, run: UUID) -> None:
        if news is None:
            return
        now = self._clock.now()
        cause = Cause(uuid7(), now, causation_id=str(run))
        async with self._database.transaction() as transaction:
            await self._on_outcome(transaction, news, Heard(self._source.name, cause, now))

    async def _keep(self, report: Report) -> None:
        async with self._database.reader() as writer:
            await writer.connection.execute(
                _END, report.id, self._machine.now(), report.as_json(), report.provider, KEPT
            )
        DIFFERENCES.set(len(report.differences))
        tell = log.warning if report.differences or report.refunds_owed else log.info
        tell(
            "reconciled",
            provider=report.provider,
            open_payments=report.open_payments,
            recovered=report.notifications_recovered,
            differences=dict(report.kinds),
            refunds_owed=len(report.refunds_owed),
        )


def _difference(payment: OpenPayment, news: ProviderNews | None) -> Difference | None:
    """Pure: an open payment here against what it is there. One still under way there is none."""

    def differs(kind: str, there: str) -> Difference:
        return Difference(kind, str(payment.payment_id), payment.reference, "open", there)

    if isinstance(news, PageNews):
        outcome = news.state.outcome
    elif isinstance(news, PaymentNews):
        outcome = news.outcome
    else:
        return differs("not_there", "nothing") if payment.reference else None
    if isinstance(news, PageNews) and news.state.status == "open":
        return None
    if isinstance(outcome, Pending | Unknown):
        return None
    if isinstance(outcome, Succeeded) and outcome.captured != payment.amount:
        return differs("amount_differs", f"{outcome.captured} of {payment.amount}")
    return differs("settled_there", type(outcome).__name__.lower())


async def reports(kernel: Kernel, limit: int) -> list[dict[str, Any]]:
    """The newest reports of finished runs, with their times."""
    async with kernel.database.reader() as reader:
        rows = await reader.connection.fetch(_NEWEST, limit)
    return [
        {**row["report"], "started_at": row["started_at"], "finished_at": row["finished_at"]}
        for row in rows
    ]


_ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtext('cartulary'), hashtext('reconciliation'))"
_BEGIN = """
    insert into provider_reconciliations (id, provider, started_at)
    select $1, $2, $3 where not exists (
        select from provider_reconciliations where provider = $2 and started_at > $4)
    returning true"""
_END = """
    with kept as (
        update provider_reconciliations set finished_at = $2, report = $3 where id = $1)
    delete from provider_reconciliations where id in (
        select id from provider_reconciliations where provider = $4
         order by started_at desc offset $5)"""
_NEWEST = """
    select started_at, finished_at, report from provider_reconciliations
     where finished_at is not null order by started_at desc limit $1"""
