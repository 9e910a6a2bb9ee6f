"""What a provider says of a payment becomes what follows from it: one transaction, once.

Payment succeeded → invoice paid → each of its lines activated; or payment failed → what its invoice
is for does not happen. Routes, webhooks and timers all come here, in any order and any number of
times.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog
from common.command_records import LOST_RACES
from common.event_store import Cause
from common.ids import uuid7
from common.problems import NotFound, Refusal
from common.unit_of_work import UnitOfWork

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

log = structlog.get_logger(__name__)

REPLACED = "replaced"
"""The code of an attempt that made way for another one."""


async def settle(desk: Desk, payment_id: UUID, outcome: Outcome, now: datetime) -> PaymentState:
    """Record an outcome and do what follows; the payment afterwards. Raises `NotFound`."""

    async def work(streams: UnitOfWork) -> tuple[PaymentState, PaymentState]:
        return await settle_in(streams, payment_id, outcome, now)

    _, after = await unit(desk.kernel.commands, work)
    await _save_method(desk, after, outcome, now)
    return after


async def settle_all(desk: Desk, outcomes: Mapping[UUID, Outcome], now: datetime) -> None:
    """The same for many payments in one transaction; each by itself where one stops the others."""
    try:
        settled = await _settle_together(desk, outcomes, now)
    except (*LOST_RACES, Refusal) as stopped:
        log.info("settled_one_by_one", payments=len(outcomes), why=type(stopped).__name__)
        await asyncio.gather(*(settle(desk, id, said, now) for id, said in outcomes.items()))
        return
    for (_, after), outcome in zip(settled, outcomes.values(), strict=True):
        await _save_method(desk, after, outcome, now)


async def _settle_together(
    desk: Desk, outcomes: Mapping[UUID, Outcome], now: datetime
) -> list[tuple[PaymentState, PaymentState]]:
    async with (
        desk.kernel.database.transaction() as transaction,
        UnitOfWork(desk.kernel.commands, transaction) as streams,
    ):
        # what each will ask for, in three round trips for all
        payments = await streams.load(PAYMENT, outcomes)
        begun = [one.of.invoice_id for one in payments if not isinstance(one, NoPayment)]
        invoices = await streams.load(INVOICE, begun)
        content = [one.content for one in invoices if not isinstance(one, NoInvoice)]
        paid_for = [one.subscription_id for one in content if one.subscription_id]
        await streams.load(SUBSCRIPTION, paid_for)
        return [await settle_in(streams, id, said, now) for id, said in outcomes.items()]


async def _save_method(desk: Desk, after: PaymentState, outcome: Outcome, now: datetime) -> None:
    """Keep a method that was saved on the way; after the commit, for it is a stream of its own."""
    if isinstance(outcome, SaidSucceeded) and outcome.method and not isinstance(after, NoPayment):
        of = after.of
        cause = Cause(uuid7(), now, causation_id=str(of.payment_id))
        await desk.methods.save(of.account_id, of.provider, outcome.method, cause)


async def settle_in(
    streams: UnitOfWork, payment_id: UUID, outcome: Outcome, now: datetime
) -> tuple[PaymentState, PaymentState]:
    """The same in a transaction of the caller's: the payment before and after."""
    before = await streams.state(PAYMENT, payment_id)
    if isinstance(before, NoPayment):
        raise NotFound
    invoice: InvoiceState = NoInvoice()
    hold = None
    if isinstance(outcome, SaidSucceeded) and not isinstance(before, Succeeded | Held):
        invoice = await streams.state(INVOICE, before.of.invoice_id)
        hold = await _reason_to_hold(streams, invoice, now)
    cause = own_cause(now, because=payment_id)
    command = RecordOutcome(outcome, hold, now)
    after = await streams.handle(PAYMENT, payment_id, command, cause)
    if isinstance(after, Succeeded) and not isinstance(before, Succeeded):
        assert isinstance(invoice, Open)
        await _paid(streams, after.of, invoice, now)
    elif isinstance(after, Declined | NotAttempted) and type(before) is not type(after):
        await failed(streams, after.of, outcome, now)
    return before, after


async def settle_named(
    desk: Desk, provider: str, reference: str, outcome: Outcome, now: datetime
) -> PaymentState | None:
    """The same for the payment, or the page, that a provider calls so; None: it is not ours."""
    row = await payment_named(desk.kernel.database, provider, reference)
    return await settle(desk, row.payment_id, outcome, now) if row else None


async def _reason_to_hold(streams: UnitOfWork, invoice: InvoiceState, now: datetime) -> str | None:
    """Why money that came in must be looked at: nobody waits for it, or nothing would follow."""
    if not isinstance(invoice, Open):
        return "invoice_not_open"
    for line in invoice.content.lines:
        if (command := activation_of(line, invoice.content.invoice_id, now)) is None:
            continue
        assert line.activation is not None
        state = await streams.state(SUBSCRIPTION, line.activation.subscription_id)
        if not SUBSCRIPTION.decide(command, state):
            return "nothing_to_activate"
    return None


async def _paid(streams: UnitOfWork, of: Attempt, invoice: Open, now: datetime) -> None:
    cause = own_cause(now, because=of.payment_id)
    pay = PayInvoice(of.payment_id, of.amount, now)
    await streams.handle(INVOICE, of.invoice_id, pay, cause)
    for line in invoice.content.lines:
        if (command := activation_of(line, of.invoice_id, now)) is not None:
            assert line.activation is not None
            id = line.activation.subscription_id
            cause = own_cause(now, because=of.payment_id)
            await streams.handle(SUBSCRIPTION, id, command, cause)


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


async def failed(streams: UnitOfWork, of: Attempt, outcome: Outcome, now: datetime) -> None:
    """What follows where a payment ended without money."""
    invoice = await streams.state(INVOICE, of.invoice_id)
    if not isinstance(invoice, Open) or invoice.content.subscription_id is None:
        return
    id, kind = invoice.content.subscription_id, invoice.content.kind
    code, hard = getattr(outcome, "code", "failed"), getattr(outcome, "hard", False)
    command: SubscriptionCommand | None = None
    if kind == "renewal":
        if of.automatic:
            command = NoteFailedPayment(of.invoice_id, code, hard, now)
    elif kind == "checkout":
        subscription = await streams.state(SUBSCRIPTION, id)
        if isinstance(subscription, Pending) and subscription.expires_at <= now:
            await _void(streams, of, "expired", now)
            command = EndSubscription("expired", now)
    elif code != REPLACED:  # else another way to pay the order is about to be opened
        await _void(streams, of, code, now)
        command = WithdrawOrder(of.invoice_id, now)
    if command is not None:
        cause = own_cause(now, because=of.payment_id)
        await streams.handle(SUBSCRIPTION, id, command, cause)


async def _void(streams: UnitOfWork, of: Attempt, reason: str, now: datetime) -> None:
    cause = own_cause(now, because=of.payment_id)
    command = VoidInvoice(reason, now)
    await streams.handle(INVOICE, of.invoice_id, command, cause)


async def accepted(streams: UnitOfWork, of: Attempt, invoice: Open, now: datetime) -> bool:
    """Money that was held pays its invoice after all; whether what that is for can still begin."""
    if await _reason_to_hold(streams, invoice, now) is not None:
        return False
    await _paid(streams, of, invoice, now)
    return True
