"""Money on its way back: set aside, asked for, and documented once it went.

An administrator's refund and one that was made at the provider meet in the same command.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Literal, cast
from uuid import UUID, uuid5

import structlog
from common.clock import Clock
from common.database import Transaction
from common.event_store import Cause
from common.money import Money
from common.problems import Conflict, NotFound
from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.invoice_refunds import RefundRow, refunds_unsettled
from billing.invoice_states import NotPaid, Paid
from billing.invoices.commands import PayBackRefund, RequestRefund, RetryRefund, SettleRefund
from billing.invoices.decider import INVOICE
from billing.numbering import CREDIT_NOTES, next_number
from billing.payment_provider import ProviderRefused, ProviderUnavailable, RefundState
from billing.payments.decider import PAYMENT, NoPayment, NothingTaken, Succeeded
from billing.payments.read_model import payment_by_id
from billing.reversing import money_goes_back, set_aside
from billing.subscriptions.read_model import LIVE
from billing.units import own_cause, unit

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 30.0
UNNUMBERED = ""
UNSETTLED = ("requested", "sent")
Status = Literal["pending", "succeeded", "failed"]
"""What a provider says of a refund."""
RefundOrder = tuple[UUID, Money | None, str]
"""The refund's id, how much (None: all that is left), and why."""


class RefundUnderWay(Conflict):
    """Another refund of the same money has not ended."""

    code = "refund_under_way"
    detail = "Another refund of this invoice is under way. Wait until it has ended."


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

    async def then(transaction: Transaction) -> None:
        async with UnitOfWork(desk.kernel.commands, transaction) as streams:
            invoice = await streams.state(INVOICE, invoice_id)
            assert isinstance(invoice, Paid)
            await money_goes_back(streams, invoice, "refunded", cause.now)

    await desk.kernel.commands.handle(
        INVOICE, invoice_id, command, own, expected=expected, then=then
    )
    await send(desk, invoice_id, refund_id, cause.now)


async def retry(desk: Desk, row: RefundRow, cause: Cause) -> None:
    """Let the provider give back once more what was returned. Raises `RefundNotReturned`,
    `DisputeOpen`."""
    own = own_cause(cause.now, actor=cause.actor)
    command = RetryRefund(row.refund_id, cause.now)
    await desk.kernel.commands.handle(INVOICE, row.invoice_id, command, own)
    await send(desk, row.invoice_id, row.refund_id, cause.now)


async def note_transfer(desk: Desk, row: RefundRow, reference: str, cause: Cause) -> None:
    """What was returned was transferred to the customer by hand. Raises as `retry`."""
    own = own_cause(cause.now, actor=cause.actor)
    command = PayBackRefund(row.refund_id, reference, cause.now)
    await desk.kernel.commands.handle(INVOICE, row.invoice_id, command, own)


async def send(desk: Desk, invoice_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Ask the provider for a refund, or what became of it."""
    async with desk.kernel.database.reader() as reader:
        _, invoice = await desk.kernel.commands.state(reader, INVOICE, invoice_id)
    if not isinstance(invoice, Paid) or (one := invoice.refund(refund_id)) is None:
        raise NotPaid
    if one.status not in UNSETTLED:
        return
    payment = await payment_by_id(desk.kernel.database, invoice.payment_id)
    assert payment is not None
    assert payment.reference is not None
    provider = desk.providers[payment.provider]
    try:
        if one.reference is not None:
            said = await provider.refund_state(one.reference)
        else:
            how = {"reason": one.reason, "key": one.key}
            said = await provider.refund(payment.reference, one.amount, **how)
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
    moving = known is None or (known.status in UNSETTLED and not known.credited)
    went = said.status == "succeeded" and moving
    command = SettleRefund(
        refund_id=refund_id,
        reference=said.reference or None,
        amount=said.amount,
        status=cast(Status, said.status),
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
    if isinstance(after, Paid):
        await money_goes_back(streams, after, "refunded", now)


async def refund_heard_of(
    streams: UnitOfWork, payment_id: UUID, said: RefundState, now: datetime
) -> None:
    """A provider tells of a refund: one that we asked for, or one that was made there.

    Raises `NotFound` for a payment that is not ours, `NothingTaken` where it was not heard of yet
    that it was paid, `RefundUnderWay` where another one has to end before: it is told again later.
    """
    payment = await streams.state(PAYMENT, payment_id)
    if isinstance(payment, NoPayment):
        raise NotFound
    if not isinstance(payment, Succeeded):
        raise NothingTaken
    invoice_id = payment.of.invoice_id
    invoice = await streams.state(INVOICE, invoice_id)
    if not isinstance(invoice, Paid):
        raise NotFound
    if any(said.reference in one.former for one in invoice.refunds):
        return  # that try is over, and another way was taken since
    known = [one for one in invoice.refunds if one.reference == said.reference]
    waiting = [
        one
        for one in invoice.refunds
        if one.reference is None and one.status == "requested" and one.amount == said.amount
    ]
    found = [*known, *waiting]
    if not found and _waits_for_another(invoice, said):
        raise RefundUnderWay
    refund_id = found[0].refund_id if found else uuid5(invoice_id, f"refund/{said.reference}")
    await settle_refund_in(streams, invoice_id, refund_id, said, now)


def _waits_for_another(invoice: Paid, said: RefundState) -> bool:
    """Whether it only fits once a refund of ours that cannot go any more has failed."""
    under_way = any(one.status in UNSETTLED for one in invoice.refunds)
    same = said.amount.currency == invoice.refundable.currency
    return under_way and same and not said.amount <= invoice.refundable


async def ask_again(desk: Desk, clock: Clock) -> None:
    """Ask about refunds that have not ended, until cancelled."""
    await note_what_went_back_earlier(desk, clock.now())
    while True:
        for row in await refunds_unsettled(desk.kernel.database):
            await _ask(desk, row, clock)
        await asyncio.sleep(AGAIN_SECONDS)


async def note_what_went_back_earlier(desk: Desk, now: datetime) -> None:
    """Let live subscriptions know of money that went back before they were told of such; those that
    know are left as they are."""
    async with desk.kernel.database.reader() as reader:
        rows = await reader.connection.fetch(_WENT_BACK, list(LIVE))
    for row in rows:

        async def work(streams: UnitOfWork, id: UUID = row["invoice_id"]) -> None:
            invoice = await streams.state(INVOICE, id)
            if isinstance(invoice, Paid):
                await set_aside(streams, invoice, now)

        await unit(desk.kernel.commands, work)


async def _ask(desk: Desk, row: RefundRow, clock: Clock) -> None:
    try:
        await send(desk, row.invoice_id, row.refund_id, clock.now())
    except NotPaid:
        log.error("refund_without_payment", refund=str(row.refund_id))


_WENT_BACK = """
    select invoice_id from invoices join subscriptions using (subscription_id)
     where subscriptions.status = any($1) and invoices.status = 'paid'
       and (invoices.dispute = 'open' or exists (
            select from invoice_refunds
             where invoice_refunds.invoice_id = invoices.invoice_id
               and invoice_refunds.status <> 'failed'))"""
