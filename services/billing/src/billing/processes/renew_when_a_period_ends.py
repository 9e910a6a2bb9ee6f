"""When a period or a trial ends, the next one begins: invoiced, and charged if somebody can be."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from common.command_handling import Commands
from common.database import Transaction
from common.timers import Due, OnDue

from billing.customers.read_model import customer_of
from billing.desk import Desk
from billing.invoice_arithmetic import sums_of
from billing.invoice_states import Open
from billing.invoices.commands import DraftInvoice
from billing.invoicing import issue, plan_line, rate_of
from billing.paying import method_of, start_in
from billing.payments.events import Means
from billing.plan_details import PriceVersion
from billing.plans.read_model import plan_by_id
from billing.subscription_rules.states import Active, Live, Trialing
from billing.subscription_rules.states import Due as DuePeriod
from billing.subscriptions.commands import AwaitTransfer, EndPeriod
from billing.subscriptions.decider import SUBSCRIPTION
from billing.transfers import TRANSFER
from billing.units import own_cause

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


def renew_when_a_period_ends(desk: Desk) -> OnDue:
    """What is done at such a moment."""
    prices = Prices()

    async def act(due: Due, transaction: Transaction, commands: Commands, now: datetime) -> None:
        id = UUID(due.stream.removeprefix("subscription-"))
        row = await transaction.connection.fetchrow(_SUBSCRIPTION, id)
        method_id = await method_of(transaction, row["account_id"], row["provider"])
        command = EndPeriod(
            ends_at=due.due,
            invoice_id=uuid5(id, f"period/{due.due.isoformat()}"),
            can_charge=method_id is not None,
            prices=await prices.of(transaction, UUID(row["plan_id"]), now),
            now=now,
        )
        cause = due.cause(now)
        handled = await commands.handle_in(transaction, SUBSCRIPTION, id, command, cause)
        state = handled.state
        if isinstance(state, Active | Trialing) and state.live.due_invoice == command.invoice_id:
            assert state.live.due is not None
            await _charge(transaction, desk, state.live, state.live.due, method_id, now)

    return act


async def _charge(
    transaction: Transaction,
    desk: Desk,
    live: Live,
    due: DuePeriod,
    method_id: UUID | None,
    now: datetime,
) -> None:
    """Ask for the money: of the saved method, or by transfer until the invoice is due."""
    of = live.agreement
    customer = await customer_of(transaction, of.account_id)
    rate = rate_of(customer, desk, now)
    span = (due.span.starts_at, due.span.ends_at)
    line = plan_line(due.invoice_id, due.terms, rate, ("renew", of.subscription_id), span)
    draft = DraftInvoice(
        due.invoice_id,
        of.account_id,
        "renewal",
        of.subscription_id,
        of.provider,
        (line,),
        now,
    )
    # the number is locked until the commit, so the payment, which needs only the amount, is first
    amount = sums_of((line,)).total
    asked = (due.invoice_id, of.account_id, amount)
    by_transfer = of.provider == TRANSFER
    means: Means = "transfer" if by_transfer else "saved_method"
    how = (of.provider, means, method_id)
    await start_in(transaction, desk, asked, how, now, automatic=not by_transfer, first=True)
    invoice = await issue(
        transaction, desk, draft, own_cause(now, because=of.subscription_id), customer
    )
    if by_transfer and isinstance(invoice, Open):
        waiting = AwaitTransfer(due.invoice_id, invoice.due_at, now)
        cause = own_cause(now, because=due.invoice_id)
        commands = desk.kernel.commands
        await commands.handle_in(transaction, SUBSCRIPTION, of.subscription_id, waiting, cause)


_SUBSCRIPTION = """
    select account_id, provider, terms ->> 'plan_id' as plan_id from subscriptions
     where subscription_id = $1"""
