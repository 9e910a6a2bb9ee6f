"""What follows from what a provider tells by itself: the same as from what it answers."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import structlog
from common.database import Transaction
from common.event_store import Cause
from common.problems import NotFound
from common.unit_of_work import UnitOfWork

from billing.customers.commands import RemovePaymentMethod, SavePaymentMethod
from billing.customers.decider import CUSTOMER
from billing.customers.events import MethodFace
from billing.desk import Desk
from billing.disputing import dispute_heard_of
from billing.holding import is_of_held_money
from billing.invoice_refunds import refunds_page
from billing.invoice_states import NotPaid, RefundTooLarge
from billing.payment_methods import method_id
from billing.payment_provider import NotAttempted, Outcome, SavedMethod, Succeeded
from billing.payments.decider import PAYMENT, NoPayment, PaymentState, UnderWay
from billing.payments.read_model import open_payments_of
from billing.provider_news import (
    DisputeNews,
    Heard,
    MethodNews,
    OnOutcome,
    PageNews,
    PaymentNews,
    ProviderNews,
    RefundNews,
)
from billing.reconciliation import OpenPayment, OwedRefund
from billing.refunding import refund_heard_of
from billing.settling import settle_in
from billing.taken_money import PaymentNotHeld

log = structlog.get_logger(__name__)


def reacting(desk: Desk) -> OnOutcome:
    """Core's side of the provider's news."""

    async def react(transaction: Transaction, news: ProviderNews, heard: Heard) -> None:
        match news:
            case PaymentNews():
                await _payment(
                    transaction, desk, news.payment_id, news.outcome, heard, page_may_be_open=True
                )
            case PageNews():
                await _page(transaction, desk, news, heard)
            case MethodNews():
                await _method(transaction, desk, news, heard)
            case RefundNews():
                await _refund(transaction, desk, news, heard)
            case DisputeNews():
                async with UnitOfWork(desk.kernel.commands, transaction) as streams:
                    await dispute_heard_of(streams, news, heard.now)

    return react


async def open_payments(desk: Desk, provider: str) -> Sequence[OpenPayment]:
    """What is open with a provider, for its reconciliation."""
    rows = await open_payments_of(desk.kernel.database, provider)
    return [
        OpenPayment(row.payment_id, row.reference or row.page, row.amount, row.started_at)
        for row in rows
    ]


async def owed_refunds(desk: Desk) -> Sequence[OwedRefund]:
    """The first hundred refunds that came back and are owed, for reports."""
    rows, _ = await refunds_page(desk.kernel.database, status="returned", per_page=100, skip=0)
    return [OwedRefund(row.refund_id, row.payment_id, row.reference, row.amount) for row in rows]


async def _payment(
    transaction: Transaction,
    desk: Desk,
    id: UUID | None,
    outcome: Outcome,
    heard: Heard,
    *,
    page_may_be_open: bool = False,
) -> None:
    if id is None:
        return  # made by somebody else at the same account
    async with UnitOfWork(desk.kernel.commands, transaction) as streams:
        payment = await streams.state(PAYMENT, id)
        if isinstance(payment, NoPayment):
            log.warning("payment_is_not_ours", payment=str(id))
            return
        if page_may_be_open and _is_on_a_page(payment) and not isinstance(outcome, Succeeded):
            return  # a card that was declined on a page is not the page's end
        if isinstance(outcome, Succeeded) and outcome.method is not None:
            await _save(transaction, desk, payment.of.account_id, outcome.method, heard)
        await settle_in(streams, id, outcome, heard.now)


def _is_on_a_page(payment: PaymentState) -> bool:
    """Whether the customer may still try again; once the page is complete its payment is named."""
    if not isinstance(payment, UnderWay) or payment.of.means != "page":
        return False
    return payment.reference is None


async def _page(transaction: Transaction, desk: Desk, news: PageNews, heard: Heard) -> None:
    state = news.state
    if news.payment_id is not None:
        outcome = state.outcome
        if state.status == "expired" and not isinstance(outcome, Succeeded):
            outcome = NotAttempted(None, "page_expired")
        if state.status != "open":
            await _payment(transaction, desk, news.payment_id, outcome, heard)
    elif news.account_id is not None and state.method is not None:
        await _save(transaction, desk, news.account_id, state.method, heard)


async def _method(transaction: Transaction, desk: Desk, news: MethodNews, heard: Heard) -> None:
    if news.account_id is None:
        return
    if news.method is not None:
        await _save(transaction, desk, news.account_id, news.method, heard)
        return
    id = method_id(heard.provider, news.reference)
    command = RemovePaymentMethod(news.account_id, id, heard.now)
    cause = _cause(heard, f"remove {id}")
    try:
        await desk.kernel.commands.handle_in(transaction, CUSTOMER, news.account_id, command, cause)
    except NotFound:
        return  # it is not known here, so there is nothing to forget


async def _save(
    transaction: Transaction, desk: Desk, account_id: UUID, method: SavedMethod, heard: Heard
) -> None:
    id = method_id(heard.provider, method.reference)
    face = MethodFace(method.reference, method.customer, method.brand, method.last4, method.expires)
    command = SavePaymentMethod(account_id, id, heard.provider, face, heard.now)
    cause = _cause(heard, f"save {id}")
    await desk.kernel.commands.handle_in(transaction, CUSTOMER, account_id, command, cause)


async def _refund(transaction: Transaction, desk: Desk, news: RefundNews, heard: Heard) -> None:
    if news.payment_id is None:
        return
    try:
        async with UnitOfWork(desk.kernel.commands, transaction) as streams:
            told = (streams, news.payment_id, news.state, heard.now)
            if not await is_of_held_money(*told):
                await refund_heard_of(*told)
    except (NotFound, NotPaid, PaymentNotHeld, RefundTooLarge) as refusal:
        # more went back than came in, or before it is known that it came: somebody must look at it
        log.error("refund_without_invoice", refund=news.state.reference, why=refusal.code)


def _cause(heard: Heard, part: str) -> Cause:
    own = heard.cause
    return Cause(uuid5(own.command_id, part), heard.now, causation_id=str(own.command_id))
