"""A customer's bank wants a payment back: noted where it matters, and followed once it is decided.

While it is open nothing ends, and nothing of it is refunded, else it would go back twice. Won, all
stays as it is. Lost, the money is gone as by a refund: a credit note, and what the invoice paid for
ends if nothing is left of it; a part of the money takes nothing away.
"""

from datetime import datetime
from typing import Literal, cast
from uuid import uuid5

import structlog
from common.unit_of_work import UnitOfWork
from prometheus_client import Counter

from billing.invoice_states import Paid
from billing.invoices.commands import DisputeInvoice
from billing.invoices.decider import INVOICE
from billing.numbering import CREDIT_NOTES, next_number
from billing.payments.commands import NoteDispute
from billing.payments.decider import PAYMENT, NoPayment, Succeeded
from billing.provider_news import DisputeNews
from billing.reversing import money_goes_back
from billing.units import own_cause

log = structlog.get_logger(__name__)

DISPUTES = Counter("cartulary_disputes_total", "What banks dispute, and decide", ["how"])
How = Literal["open", "won", "lost"]


async def dispute_heard_of(streams: UnitOfWork, news: DisputeNews, now: datetime) -> None:
    """A provider tells of a dispute as it is now.

    Raises `NothingTaken` where the payment itself was not heard of yet: it is told again later.
    """
    id = news.payment_id
    if id is None:
        return  # made by somebody else at the same account
    before = await streams.state(PAYMENT, id)
    if isinstance(before, NoPayment):
        log.warning("payment_is_not_ours", payment=str(id))
        return
    how = cast(How, news.status)
    note = NoteDispute(news.reference, news.amount, how, now)
    cause = own_cause(now, because=id)
    after = await streams.handle(PAYMENT, id, note, cause)
    if after != before:
        log.warning("payment_disputed", payment=str(id), dispute=news.reference, status=how)
        streams.transaction.after_commit(DISPUTES.labels(how).inc)
    if isinstance(after, Succeeded):
        await _on_the_invoice(streams, after, news, now)


async def _on_the_invoice(
    streams: UnitOfWork, payment: Succeeded, news: DisputeNews, now: datetime
) -> None:
    of = payment.of
    invoice = await streams.state(INVOICE, of.invoice_id)
    if not isinstance(invoice, Paid) or invoice.payment_id != of.payment_id:
        return
    known = invoice.dispute(news.reference)
    if known is not None and known.status != "open":
        return
    number = None
    left = invoice.refundable
    if news.status == "lost" and left.amount > 0 and left.currency == news.amount.currency:
        number = await next_number(streams.transaction, CREDIT_NOTES, now)
    command = DisputeInvoice(
        reference=news.reference,
        amount=news.amount,
        status=cast(How, news.status),
        refund_id=uuid5(of.invoice_id, f"dispute/{news.reference}"),
        number=number,
        now=now,
    )
    cause = own_cause(now, because=of.payment_id)
    after = await streams.handle(INVOICE, of.invoice_id, command, cause)
    if isinstance(after, Paid):
        await money_goes_back(streams, after, "disputed", now)
