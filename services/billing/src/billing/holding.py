"""Money that came in and that nobody waited for: somebody looks, and takes it or gives it back.

Taken, it pays its invoice, which then sets going what it is for; what is more than is due goes
back. Given back, it goes as it came, under a key of its own, and is asked about until it went.
"""

import asyncio
from datetime import datetime
from typing import cast
from uuid import UUID, uuid5

import structlog
from common.clock import Clock
from common.event_store import Cause
from common.problems import Conflict, NotFound
from common.unit_of_work import UnitOfWork

from billing.desk import Desk
from billing.documents import Refund
from billing.invoice_states import AlreadyPaid, InvoiceNotOpen, Open, Paid
from billing.invoices.decider import INVOICE
from billing.paying import close_doors
from billing.payment_provider import ProviderRefused, ProviderUnavailable, RefundState
from billing.payment_refunds import payment_refunds_unsettled
from billing.payments.commands import AcceptHeld, PayBackHeld, RefundHeld, SettlePaymentRefund
from billing.payments.decider import PAYMENT, Held, NoPayment, PaymentState, Succeeded
from billing.payments.read_model import payment_by_id
from billing.refunding import AGAIN_SECONDS, Status
from billing.settling import accepted
from billing.taken_money import PaymentNotHeld
from billing.units import own_cause, unit

log = structlog.get_logger(__name__)


class NothingFollows(Conflict):
    """What the invoice is for cannot begin any more."""

    code = "nothing_to_activate"
    detail = "What this invoice is for cannot begin any more. Refund the payment."


async def accept(desk: Desk, payment_id: UUID, cause: Cause) -> None:
    """Take held money for its invoice; a repeat changes nothing. Other ways in are closed first.

    Raises `NotFound`, `PaymentNotHeld`, `AmountNotCovered`, `DisputeOpen`, `AlreadyPaid`,
    `InvoiceNotOpen`, `NothingFollows`, `PaymentUnderWay`.
    """
    state = await _state(desk, payment_id)
    if isinstance(state, Succeeded):
        return
    if not isinstance(state, Held) or state.taken.left.amount == 0:
        raise PaymentNotHeld
    await close_doors(desk, state.of.invoice_id, cause.now)

    async def work(streams: UnitOfWork) -> UUID | None:
        return await _accept_in(streams, payment_id, cause)

    refund_id = await unit(desk.kernel.commands, work)
    if refund_id is not None:
        await send(desk, payment_id, refund_id, cause.now)


async def _accept_in(streams: UnitOfWork, payment_id: UUID, cause: Cause) -> UUID | None:
    """The id under which goes back what is more than due."""
    now = cause.now
    before = await streams.state(PAYMENT, payment_id)
    if not isinstance(before, Held):
        return None  # somebody else took it at this moment
    invoice = await streams.state(INVOICE, before.of.invoice_id)
    if not isinstance(invoice, Open):
        raise AlreadyPaid if isinstance(invoice, Paid) else InvoiceNotOpen
    refund_id = _refund_of(payment_id, len(before.taken.refunds))
    command = AcceptHeld(refund_id, invoice.content.total, now)
    own = own_cause(now, actor=cause.actor)
    await streams.handle(PAYMENT, payment_id, command, own)
    if not await accepted(streams, before.of, invoice, now):
        raise NothingFollows
    return refund_id


async def give_back(desk: Desk, payment_id: UUID, reason: str, cause: Cause) -> None:
    """Refund what is held of a payment; a repeat changes nothing. Without an answer of the provider
    it is asked again later.

    Raises `NotFound`, `PaymentNotHeld`, `DisputeOpen`.
    """
    state = await _state(desk, payment_id)
    if not isinstance(state, Held | Succeeded):
        raise PaymentNotHeld
    refunds = state.taken.refunds
    if isinstance(state, Held) and refunds and state.taken.left.amount == 0:
        await send(desk, payment_id, refunds[-1].refund_id, cause.now)
        return  # already so
    refund_id = _refund_of(payment_id, len(refunds))
    command = RefundHeld(refund_id, reason, cause.now)
    own = own_cause(cause.now, actor=cause.actor)
    await desk.kernel.commands.handle(PAYMENT, payment_id, command, own)
    await send(desk, payment_id, refund_id, cause.now)


async def note_transfer(desk: Desk, payment_id: UUID, reference: str, cause: Cause) -> None:
    """What is held was transferred to the customer by hand: where its refund cannot arrive, say.

    Raises `NotFound`, `PaymentNotHeld`, `DisputeOpen`.
    """
    state = await _state(desk, payment_id)
    if not isinstance(state, Held | Succeeded):
        raise PaymentNotHeld
    refund_id = _refund_of(payment_id, len(state.taken.refunds))
    command = PayBackHeld(refund_id, reference, cause.now)
    own = own_cause(cause.now, actor=cause.actor)
    await desk.kernel.commands.handle(PAYMENT, payment_id, command, own)


def _refund_of(payment_id: UUID, n: int) -> UUID:
    """The same for two who ask at once; another one after a refund that failed."""
    return uuid5(payment_id, f"refund/{n}")


async def _state(desk: Desk, payment_id: UUID) -> PaymentState:
    async with desk.kernel.database.reader() as reader:
        _, state = await desk.kernel.commands.state(reader, PAYMENT, payment_id)
    if isinstance(state, NoPayment):
        raise NotFound
    return state


async def send(desk: Desk, payment_id: UUID, refund_id: UUID, now: datetime) -> None:
    """Ask the provider for the refund, or what became of it; nothing where there is none."""
    state = await _state(desk, payment_id)
    one = state.taken.refund(refund_id) if isinstance(state, Held | Succeeded) else None
    if one is None or one.status in ("done", "failed"):
        return
    row = await payment_by_id(desk.kernel.database, payment_id)
    assert row is not None
    assert row.reference is not None
    said = await _asked(desk, row.provider, row.reference, one)
    if said is None:
        return

    async def work(streams: UnitOfWork) -> None:
        await _settle_in(streams, payment_id, refund_id, said, now)

    await unit(desk.kernel.commands, work)


async def _asked(desk: Desk, name: str, payment: str, one: Refund) -> RefundState | None:
    provider = desk.providers[name]
    try:
        if one.reference is not None:
            return await provider.refund_state(one.reference)
        return await provider.refund(payment, one.amount, reason=one.reason, key=one.key)
    except ProviderUnavailable:
        return None
    except ProviderRefused as refused:
        log.warning("provider_refused", provider=name, code=refused.code)
        return RefundState(one.reference or "", payment, one.amount, "failed")


async def _settle_in(
    streams: UnitOfWork,
    payment_id: UUID,
    refund_id: UUID,
    said: RefundState,
    now: datetime,
) -> None:
    reason = "refunded_at_the_provider"  # unless we asked for it: then its own is known
    status = cast(Status, said.status)
    command = SettlePaymentRefund(
        refund_id, said.reference or None, said.amount, status, reason, now
    )
    cause = own_cause(now, because=payment_id)
    await streams.handle(PAYMENT, payment_id, command, cause)


async def is_of_held_money(
    streams: UnitOfWork, payment_id: UUID, said: RefundState, now: datetime
) -> bool:
    """Whether what a provider tells of a refund is about money that paid no invoice; noted then.

    Raises `PaymentNotHeld` where more of it went back than is held.
    """
    state = await streams.state(PAYMENT, payment_id)
    if not isinstance(state, Held | Succeeded):
        return False
    known = [one for one in state.taken.refunds if one.reference == said.reference]
    waiting = [
        one
        for one in state.taken.refunds
        if one.reference is None and one.status == "requested" and one.amount == said.amount
    ]
    if not (found := [*known, *waiting]) and isinstance(state, Succeeded):
        return False
    refund_id = found[0].refund_id if found else uuid5(payment_id, f"refund/{said.reference}")
    await _settle_in(streams, payment_id, refund_id, said, now)
    return True


async def ask_again(desk: Desk, clock: Clock) -> None:
    """Ask about refunds of held money that have not ended, until cancelled."""
    while True:
        await ask_once(desk, clock.now())
        await asyncio.sleep(AGAIN_SECONDS)


async def ask_once(desk: Desk, now: datetime) -> None:
    """Ask about all of them."""
    for row in await payment_refunds_unsettled(desk.kernel.database):
        await send(desk, row.payment_id, row.refund_id, now)
