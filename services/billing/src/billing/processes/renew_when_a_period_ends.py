"""When a period or a trial ends, the next one begins: invoiced, and charged if somebody can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due, Together
from common.unit_of_work import UnitOfWork

from billing.customers.read_model import CustomerRow, customers_of
from billing.desk import Desk
from billing.invoice_arithmetic import sums_of
from billing.invoice_states import Open
from billing.invoices.commands import DraftInvoice, VoidInvoice
from billing.invoices.decider import INVOICE
from billing.invoicing import issue_all, plan_line, rate_of
from billing.paying import attempt_id, methods_to_charge, start_in
from billing.payments.decider import PAYMENT
from billing.payments.events import Means
from billing.plan_details import PriceVersion
from billing.plans.read_model import plan_by_id
from billing.subscription_rules.states import Active, Live, Trialing
from billing.subscription_rules.states import Due as DuePeriod
from billing.subscriptions.commands import AwaitTransfer, EndPeriod
from billing.subscriptions.decider import SUBSCRIPTION
from billing.transfers import TRANSFER
from billing.units import own_cause

AT_ONCE = 25
"""How many periods end in one transaction: more would let those who wait for numbers wait long."""
PRICES_KEPT = timedelta(seconds=30)
"""How old a plan's prices may be: those that reach existing subscribers name a date long before."""


class Prices:
    """The prices of plans, read once in a while: a renewal run needs the same few all the time."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[datetime, tuple[PriceVersion, ...]]] = {}

    async def of(
        self, transaction: Transaction, plan_id: UUID, now: datetime
    ) -> tuple[PriceVersion, ...]:
        """All versions; none of a plan that the catalogue does not know."""
        known = self._known.get(plan_id)
        if known is None or now - known[0] > PRICES_KEPT:
            row = await plan_by_id(transaction, plan_id)
            known = self._known[plan_id] = (now, row.plan.prices if row else ())
        return known[1]


def renew_when_a_period_ends(desk: Desk) -> Together:
    """What is done at such moments: a morning on which ten thousand periods end is an ordinary one.

    What needs no number is written first, for whoever takes numbers makes others wait.
    """
    prices = Prices()

    async def act(
        dues: Sequence[Due], transaction: Transaction, commands: Commands, now: datetime
    ) -> None:
        async with UnitOfWork(commands, transaction) as streams:
            ended = await _end_periods(streams, dues, prices, now)
            if ended:
                await _charge(streams, desk, ended, now)

    return Together(act, AT_ONCE)


@dataclass(frozen=True)
class _Ended:
    """A period that ended, the one that is to be paid now, and what can be charged for it."""

    live: Live
    due: DuePeriod
    method_id: UUID | None


async def _end_periods(
    streams: UnitOfWork, dues: Sequence[Due], prices: Prices, now: datetime
) -> list[_Ended]:
    ids = [UUID(due.stream.removeprefix("subscription-")) for due in dues]
    rows = await streams.transaction.connection.fetch(_SUBSCRIPTIONS, ids)
    of = {row["subscription_id"]: row for row in rows}
    payers = [(row["account_id"], row["provider"]) for row in rows]
    methods = await methods_to_charge(streams.transaction, payers)
    await streams.load(SUBSCRIPTION, ids)
    ended = []
    for id, due in zip(ids, dues, strict=True):
        row = of[id]
        method_id = methods.get((row["account_id"], row["provider"]))
        command = EndPeriod(
            ends_at=due.due,
            invoice_id=uuid5(id, f"period/{due.due.isoformat()}"),
            can_charge=method_id is not None,
            prices=await prices.of(streams.transaction, UUID(row["plan_id"]), now),
            now=now,
        )
        before = await streams.state(SUBSCRIPTION, id)
        state = await streams.handle(SUBSCRIPTION, id, command, due.cause(now))
        if state is not before and isinstance(before, Active | Trialing) and before.live.upgrade:
            await _void(streams, before.live.upgrade.invoice_id, now)
        if isinstance(state, Active | Trialing) and state.live.due_invoice == command.invoice_id:
            assert state.live.due is not None
            ended.append(_Ended(state.live, state.live.due, method_id))
    return ended


async def _void(streams: UnitOfWork, invoice_id: UUID, now: datetime) -> None:
    """An upgrade is paid within its period, or not at all; what still comes in for it is held."""
    invoice = await streams.state(INVOICE, invoice_id)
    if isinstance(invoice, Open):
        cause = own_cause(now, because=invoice_id)
        await streams.handle(INVOICE, invoice_id, VoidInvoice("expired", now), cause)


async def _charge(streams: UnitOfWork, desk: Desk, ended: Sequence[_Ended], now: datetime) -> None:
    """Ask for the money: of the saved methods, or by transfer until the invoices are due."""
    accounts = [one.live.agreement.account_id for one in ended]
    customers = await customers_of(streams.transaction, accounts)
    attempts = [attempt_id(one.due.invoice_id, 1) for one in ended]
    await streams.load(PAYMENT, attempts)
    drafts = []
    for one in ended:
        of = one.live.agreement
        customer = customers[of.account_id]
        draft = _draft(desk, one, customer, now)
        asked = (draft.invoice_id, of.account_id, sums_of(draft.lines).total)
        by_transfer = of.provider == TRANSFER
        means: Means = "transfer" if by_transfer else "saved_method"
        how = (of.provider, means, one.method_id)
        await start_in(streams, asked, how, now, automatic=not by_transfer, first=True)
        drafts.append((draft, own_cause(now, because=of.subscription_id), customer))
    for invoice in await issue_all(streams, desk, drafts, now):
        if isinstance(invoice, Open) and invoice.content.provider == TRANSFER:
            await _await_transfer(streams, invoice, now)


def _draft(desk: Desk, ended: _Ended, customer: CustomerRow, now: datetime) -> DraftInvoice:
    of, due = ended.live.agreement, ended.due
    rate = rate_of(customer, desk, now)
    span = (due.span.starts_at, due.span.ends_at)
    line = plan_line(due.invoice_id, due.terms, rate, ("renew", of.subscription_id), span)
    return DraftInvoice(
        due.invoice_id,
        of.account_id,
        "renewal",
        of.subscription_id,
        of.provider,
        (line,),
        now,
    )


async def _await_transfer(streams: UnitOfWork, invoice: Open, now: datetime) -> None:
    content = invoice.content
    assert content.subscription_id is not None
    waiting = AwaitTransfer(content.invoice_id, invoice.due_at, now)
    cause = own_cause(now, because=content.invoice_id)
    await streams.handle(SUBSCRIPTION, content.subscription_id, waiting, cause)


_SUBSCRIPTIONS = """
    select subscription_id, account_id, provider, terms ->> 'plan_id' as plan_id
      from subscriptions where subscription_id = any($1::uuid[])"""
