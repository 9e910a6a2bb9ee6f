"""Money on its way back: set aside, asked for, and documented once it went.

An administrator's refund and one that was made at the provider meet in the same command.
"""

import asyncio
from datetime import datetime
from uuid import UUID, uuid5

import structlog
from common.clock import Clock
from common.database import Transaction
from common.event_store import Cause, VersionConflict
from common.money import Money
from common.problems import NotFound

from billing.desk import Desk
from billing.documents import Line
from billing.invoice_states import NotPaid, Paid
from billing.invoices.commands import RequestRefund, SettleRefund
from billing.invoices.decider import INVOICE
from billing.invoices.read_model import RefundRow, refunds_unsettled
from billing.numbering import CREDIT_NOTES, next_number
from billing.payment_provider import ProviderRefused, ProviderUnavailable, RefundState
from billing.payments.decider import PAYMENT, Succeeded
from billing.payments.read_model import payment_by_id
from billing.subscription_rules.states import Running
from billing.subscriptions.commands import EndSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause, unit

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 30.0


async def refund(
    desk: Desk,
    invoice_id: UUID,
    order: tuple[UUID, Money | None, str],
    cause: Cause,
    *,
    expected: int | None = None,
) -> None:
    """Give back (refund id, amount or all that is left, reason); a repeat changes nothing.

    Raises `NotPaid`, `RefundTooLarge`, `PreconditionFailed`. Without an answer of the provider it
    is asked again later.
    """
    refund_id, amount, reason = order
    command = RequestRefund(refund_id, amount, reason, cause.now)
    own = own_cause(cause.now, actor=cause.actor)
    await desk.kernel.commands.handle(INVOICE, invoice_id, command, own, expected=expected)
    await send(desk, invoice_id, refund_id, cause.now)


async def send(desk: Desk, invoice_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Ask the provider for a refund, or what became of it."""
    async with desk.kernel.database.reader() as reader:
        _, invoice = await desk.kernel.commands.state(reader, INVOICE, invoice_id)
    if not isinstance(invoice, Paid) or (one := invoice.refund(refund_id)) is None:
        raise NotPaid
    if one.status in ("done", "failed"):
        return
    payment = await payment_by_id(desk.kernel.database, invoice.payment_id)
    assert payment is not None
    assert payment.reference is not None
    provider = desk.providers[payment.provider]
    try:
        if one.reference is not None:
            said = await provider.refund_state(one.reference)
        else:
            key = f"refund:{refund_id}"
            said = await provider.refund(payment.reference, one.amount, reason=one.reason, key=key)
    except ProviderUnavailable:
        return
    except ProviderRefused as refused:
        log.warning("provider_refused", provider=provider.name, code=refused.code)
        said = RefundState(one.reference or "", payment.reference, one.amount, "failed")
    await settle_refund(desk, invoice_id, refund_id, said, now)


async def settle_refund(
    desk: Desk, invoice_id: UUID, refund_id: UUID, said: RefundState, now: datetime
) -> None:
    """Record what the provider says of a refund; the credit note when the money went."""

    async def work(transaction: Transaction) -> None:
        await settle_refund_in(transaction, desk, invoice_id, refund_id, said, now)

    await unit(desk.kernel.database, work)


async def settle_refund_in(
    transaction: Transaction,
    desk: Desk,
    invoice_id: UUID,
    refund_id: UUID,
    said: RefundState,
    now: datetime,
) -> None:
    """The same in a transaction of the caller's. Raises `NotPaid`, `RefundTooLarge`."""
    commands = desk.kernel.commands
    stream, invoice = await commands.state(transaction, INVOICE, invoice_id)
    if not isinstance(invoice, Paid):
        raise NotPaid
    known = invoice.refund(refund_id)
    number = None
    if said.status == "succeeded" and (known is None or known.status not in ("done", "failed")):
        number = await _number(transaction, desk, invoice_id, stream.version, now)
    command = SettleRefund(
        refund_id=refund_id,
        reference=said.reference or None,
        amount=said.amount,
        status="succeeded" if number else "failed" if said.status == "failed" else "pending",
        reason=known.reason if known else "refunded_at_the_provider",
        number=number,
        now=now,
    )
    cause = own_cause(now, because=invoice_id)
    handled = await commands.handle_in(transaction, INVOICE, invoice_id, command, cause)
    after = handled.state
    if number and isinstance(after, Paid) and after.refunded == after.content.total:
        for line in after.content.lines:
            await _reverse(transaction, desk, line, now)


async def _number(
    transaction: Transaction, desk: Desk, invoice_id: UUID, version: int, now: datetime
) -> str:
    """The credit note's number. Another may have settled the refund while we waited for it: then
    it must go back. Raises `VersionConflict`."""
    number = await next_number(transaction, CREDIT_NOTES, now)
    stream, _ = await desk.kernel.commands.state(transaction, INVOICE, invoice_id)
    if stream.version != version:
        raise VersionConflict
    return number


async def _reverse(transaction: Transaction, desk: Desk, line: Line, now: datetime) -> None:
    """A period that was given back whole ends at once; one that is over stays what it was."""
    if line.activation is None or line.activation.kind == "change":
        return
    if line.ends_at is not None and line.ends_at <= now:
        return
    commands, id = desk.kernel.commands, line.activation.subscription_id
    _, state = await commands.state(transaction, SUBSCRIPTION, id)
    if not isinstance(state, Running):
        return
    if line.ends_at is None and state.live.span.number > 0:
        return  # it paid for the first period, and that is over
    cause = own_cause(now, because=line.line_id)
    command = EndSubscription("refunded", now)
    await commands.handle_in(transaction, SUBSCRIPTION, id, command, cause)


async def refund_heard_of(
    transaction: Transaction, desk: Desk, payment_id: UUID, said: RefundState, now: datetime
) -> None:
    """A provider tells of a refund: one that we asked for, or one that was made there.

    Raises `NotFound` for a payment that is not ours or did not succeed.
    """
    commands = desk.kernel.commands
    _, payment = await commands.state(transaction, PAYMENT, payment_id)
    if not isinstance(payment, Succeeded):
        raise NotFound
    invoice_id = payment.of.invoice_id
    _, invoice = await commands.state(transaction, INVOICE, invoice_id)
    if not isinstance(invoice, Paid):
        raise NotFound
    known = [one for one in invoice.refunds if one.reference == said.reference]
    waiting = [
        one
        for one in invoice.refunds
        if one.reference is None and one.status == "requested" and one.amount == said.amount
    ]
    found = [*known, *waiting]
    refund_id = found[0].refund_id if found else uuid5(invoice_id, f"refund/{said.reference}")
    await settle_refund_in(transaction, desk, invoice_id, refund_id, said, now)


async def ask_again(desk: Desk, clock: Clock) -> None:
    """Ask about refunds that have not ended, until cancelled."""
    while True:
        for row in await refunds_unsettled(desk.kernel.database):
            await _ask(desk, row, clock)
        await asyncio.sleep(AGAIN_SECONDS)


async def _ask(desk: Desk, row: RefundRow, clock: Clock) -> None:
    try:
        await send(desk, row.invoice_id, row.refund_id, clock.now())
    except NotPaid:
        log.error("refund_without_payment", refund=str(row.refund_id))
