"""What a provider says of a payment becomes what follows from it: one transaction, once.

Payment succeeded → invoice paid → each of its lines activated; or payment failed → what its invoice
is for does not happen. Routes, webhooks and timers all come here, in any order and any number of
times.
"""

from datetime import datetime
from uuid import UUID

from common.database import Transaction
from common.event_store import Cause
from common.ids import uuid7
from common.problems import NotFound
from prometheus_client import Counter

from billing.desk import Desk
from billing.documents import Line, PaidPart
from billing.invoice_states import InvoiceState, NoInvoice, Open
from billing.invoices.commands import PayInvoice, VoidInvoice
from billing.invoices.decider import INVOICE
from billing.payment_provider import Outcome
from billing.payment_provider import Succeeded as SaidSucceeded
from billing.payments.commands import RecordOutcome
from billing.payments.decider import (
    PAYMENT,
    Attempt,
    Declined,
    Held,
    NoPayment,
    NotAttempted,
    PaymentState,
    Succeeded,
)
from billing.payments.read_model import payment_named
from billing.subscription_rules.states import Pending
from billing.subscriptions.commands import (
    ActivateSubscription,
    ApplyUpgrade,
    EndSubscription,
    NoteFailedPayment,
    RenewSubscription,
    ResumeSubscription,
    SubscriptionCommand,
    WithdrawOrder,
)
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause, unit

REPLACED = "replaced"
"""The code of an attempt that made way for another one."""

CAPTURED = Counter(
    "cartulary_money_captured_minor_units_total", "Money that came in", ["provider", "currency"]
)
SETTLED = Counter("cartulary_payments_settled_total", "Payments that ended", ["provider", "how"])


async def settle(desk: Desk, payment_id: UUID, outcome: Outcome, now: datetime) -> PaymentState:
    """Record an outcome and do what follows; the payment afterwards. Raises `NotFound`."""

    async def work(transaction: Transaction) -> tuple[PaymentState, PaymentState]:
        return await settle_in(transaction, desk, payment_id, outcome, now)

    before, after = await unit(desk.kernel.database, work)
    if type(before) is not type(after) and not isinstance(after, NoPayment):
        _measure(after)
    if isinstance(outcome, SaidSucceeded) and outcome.method and not isinstance(after, NoPayment):
        of = after.of
        cause = Cause(uuid7(), now, causation_id=str(payment_id))
        await desk.methods.save(of.account_id, of.provider, outcome.method, cause)
    return after


async def settle_in(
    transaction: Transaction, desk: Desk, payment_id: UUID, outcome: Outcome, now: datetime
) -> tuple[PaymentState, PaymentState]:
    """The same in a transaction of the caller's: the payment before and after."""
    commands = desk.kernel.commands
    _, before = await commands.state(transaction, PAYMENT, payment_id)
    if isinstance(before, NoPayment):
        raise NotFound
    invoice: InvoiceState = NoInvoice()
    hold = None
    if isinstance(outcome, SaidSucceeded) and not isinstance(before, Succeeded | Held):
        _, invoice = await commands.state(transaction, INVOICE, before.of.invoice_id)
        hold = await _reason_to_hold(transaction, desk, invoice, now)
    cause = own_cause(now, because=payment_id)
    command = RecordOutcome(outcome, hold, now)
    handled = await commands.handle_in(transaction, PAYMENT, payment_id, command, cause)
    after = handled.state
    if isinstance(after, Succeeded) and not isinstance(before, Succeeded):
        assert isinstance(invoice, Open)
        await _paid(transaction, desk, after.of, invoice, now)
    elif isinstance(after, Declined | NotAttempted) and type(before) is not type(after):
        await failed(transaction, desk, after.of, outcome, now)
    return before, after


async def settle_named(
    desk: Desk, provider: str, reference: str, outcome: Outcome, now: datetime
) -> PaymentState | None:
    """The same for the payment, or the page, that a provider calls so; None: it is not ours."""
    row = await payment_named(desk.kernel.database, provider, reference)
    return await settle(desk, row.payment_id, outcome, now) if row else None


def _measure(after: PaymentState) -> None:
    if isinstance(after, Succeeded | Held | Declined | NotAttempted):
        SETTLED.labels(after.of.provider, type(after).__name__.lower()).inc()
    if isinstance(after, Succeeded):
        amount = after.of.amount
        CAPTURED.labels(after.of.provider, amount.currency).inc(amount.amount)


async def _reason_to_hold(
    transaction: Transaction, desk: Desk, invoice: InvoiceState, now: datetime
) -> str | None:
    """Why money that came in must be looked at: nobody waits for it, or nothing would follow."""
    if not isinstance(invoice, Open):
        return "invoice_not_open"
    for line in invoice.content.lines:
        if (command := activation_of(line, invoice.content.invoice_id, now)) is None:
            continue
        assert line.activation is not None
        _, state = await desk.kernel.commands.state(
            transaction, SUBSCRIPTION, line.activation.subscription_id
        )
        if not SUBSCRIPTION.decide(command, state):
            return "nothing_to_activate"
    return None


async def _paid(
    transaction: Transaction, desk: Desk, of: Attempt, invoice: Open, now: datetime
) -> None:
    commands = desk.kernel.commands
    cause = own_cause(now, because=of.payment_id)
    pay = PayInvoice(of.payment_id, of.amount, now)
    await commands.handle_in(transaction, INVOICE, of.invoice_id, pay, cause)
    for line in invoice.content.lines:
        if (command := activation_of(line, of.invoice_id, now)) is not None:
            assert line.activation is not None
            id = line.activation.subscription_id
            cause = own_cause(now, because=of.payment_id)
            await commands.handle_in(transaction, SUBSCRIPTION, id, command, cause)


def activation_of(line: Line, invoice_id: UUID, now: datetime) -> SubscriptionCommand | None:
    """What a paid line sets going, if anything."""
    if line.activation is None:
        return None
    # for how long it was paid the subscription says: it knows when the period began
    paid = PaidPart(line.amount, line.behaviour, line.rate, now, now)
    match line.activation.kind:
        case "start":
            return ActivateSubscription(invoice_id, paid, now)
        case "renew":
            return RenewSubscription(invoice_id, paid, now)
        case "resume":
            return ResumeSubscription(invoice_id, paid, now)
        case "change":
            return ApplyUpgrade(invoice_id, now)


async def failed(
    transaction: Transaction, desk: Desk, of: Attempt, outcome: Outcome, now: datetime
) -> None:
    """What follows where a payment ended without money."""
    commands = desk.kernel.commands
    _, invoice = await commands.state(transaction, INVOICE, of.invoice_id)
    if not isinstance(invoice, Open) or invoice.content.subscription_id is None:
        return
    id, kind = invoice.content.subscription_id, invoice.content.kind
    code, hard = getattr(outcome, "code", "failed"), getattr(outcome, "hard", False)
    command: SubscriptionCommand | None = None
    if kind == "renewal":
        if of.automatic:
            command = NoteFailedPayment(of.invoice_id, code, hard, now)
    elif kind == "checkout":
        _, subscription = await commands.state(transaction, SUBSCRIPTION, id)
        if isinstance(subscription, Pending) and subscription.expires_at <= now:
            await _void(transaction, desk, of, "expired", now)
            command = EndSubscription("expired", now)
    elif code != REPLACED:  # else another way to pay the order is about to be opened
        await _void(transaction, desk, of, code, now)
        command = WithdrawOrder(of.invoice_id, now)
    if command is not None:
        cause = own_cause(now, because=of.payment_id)
        await commands.handle_in(transaction, SUBSCRIPTION, id, command, cause)


async def _void(
    transaction: Transaction, desk: Desk, of: Attempt, reason: str, now: datetime
) -> None:
    cause = own_cause(now, because=of.payment_id)
    command = VoidInvoice(reason, now)
    await desk.kernel.commands.handle_in(transaction, INVOICE, of.invoice_id, command, cause)


async def accepted(
    transaction: Transaction, desk: Desk, of: Attempt, invoice: Open, now: datetime
) -> bool:
    """Money that was held pays its invoice after all; whether what that is for can still begin."""
    if await _reason_to_hold(transaction, desk, invoice, now) is not None:
        return False
    await _paid(transaction, desk, of, invoice, now)
    return True
