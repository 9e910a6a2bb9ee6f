"""Money on its way back: set aside, asked for, and documented once it went.

An administrator's refund and one that was made at the provider meet in the same command.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

import structlog
from common.clock import Clock
from common.event_store import Cause
from common.money import Money
from common.problems import NotFound
from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.invoice_refunds import RefundRow, refunds_unsettled
from billing.invoice_states import NotPaid, Paid
from billing.invoices.commands import RequestRefund, SettleRefund
from billing.invoices.decider import INVOICE
from billing.numbering import CREDIT_NOTES, next_number
from billing.payment_provider import ProviderRefused, ProviderUnavailable, RefundState
from billing.payments.decider import PAYMENT, Succeeded
from billing.payments.read_model import payment_by_id
from billing.reversing import reverse
from billing.units import own_cause, unit

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 30.0
UNNUMBERED = ""
Status = Literal["pending", "succeeded", "failed"]
"""What a provider says of a refund."""
RefundOrder = tuple[UUID, Money | None, str]
"""The refund's id, how much (None: all that is left), and why."""


async def refund(
    desk: Desk,
    invoice_id: UUID,
    order: RefundOrder,
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

    async def work(streams: UnitOfWork) -> None:
        await settle_refund_in(streams, invoice_id, refund_id, said, now)

    await unit(desk.kernel.commands, work)


async def settle_refund_in(
    streams: UnitOfWork,
    invoice_id: UUID,
    refund_id: UUID,
    said: RefundState,
    now: datetime,
) -> None:
    """The same in a transaction of the caller's. Raises `NotPaid`, `RefundTooLarge`."""
    invoice = await streams.state(INVOICE, invoice_id)
    if not isinstance(invoice, Paid):
        raise NotPaid
    known = invoice.refund(refund_id)
    went = said.status == "succeeded" and (known is None or known.status not in ("done", "failed"))
    command = SettleRefund(
        refund_id=refund_id,
        reference=said.reference or None,
        amount=said.amount,
        status="succeeded" if went else "failed" if said.status == "failed" else "pending",
        reason=known.reason if known else "refunded_at_the_provider",
        number=UNNUMBERED if went else None,
        now=now,
    )
    if went:
        # who hears of a refusal may commit what else they did: no number may be taken by then
        INVOICE.decide(command, invoice)
        number = await next_number(streams.transaction, CREDIT_NOTES, now)
        command = replace(command, number=number)
    cause = own_cause(now, because=invoice_id)
    after = await streams.handle(INVOICE, invoice_id, command, cause)
    if went and isinstance(after, Paid):
        await reverse(streams, after, "refunded", now)


async def refund_heard_of(
    streams: UnitOfWork, payment_id: UUID, said: RefundState, now: datetime
) -> None:
    """A provider tells of a refund: one that we asked for, or one that was made there.

    Raises `NotFound` for a payment that is not ours or did not succeed.
    """
    payment = await streams.state(PAYMENT, payment_id)
    if not isinstance(payment, Succeeded):
        raise NotFound
    invoice_id = payment.of.invoice_id
    invoice = await streams.state(INVOICE, invoice_id)
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
    await settle_refund_in(streams, invoice_id, refund_id, said, now)


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
