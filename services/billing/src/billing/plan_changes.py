"""Another plan, priced: the preview and the invoice are made of the same lines.

And going on after a pause, which is an order like it: invoiced, charged at once with the saved
method, else paid on a page, and forgotten where that fails.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.event_store import Cause
from common.unit_of_work import UnitOfWork

from billing.charging import ask, open_page
from billing.desk import Desk
from billing.documents import Activation, Line, PaidPart, TaxRate
from billing.invoice_arithmetic import Sums, sums_of
from billing.invoice_states import Open
from billing.invoices.commands import DraftInvoice
from billing.invoicing import issue, line_id, plan_line, rate_for
from billing.paying import attempt_id, method_of, start_in
from billing.payments.decider import PAYMENT, Declined, NotAttempted, PaymentState, UnderWay
from billing.payments.events import Means
from billing.preview_tokens import PreviewOutdated
from billing.proration import Quote, quote, quote_of_another_term
from billing.subscription_rules.orders import worth_for_a_change
from billing.subscription_rules.refusals import NotAnUpgrade
from billing.subscription_rules.states import Live, Upgrade
from billing.subscriptions.commands import OrderResumption, OrderUpgrade, SwitchPlan
from billing.subscriptions.decider import SUBSCRIPTION
from billing.terms import PlanTerms
from billing.transfers import TRANSFER
from billing.units import own_cause, unit


@dataclass(frozen=True)
class Priced:
    """A change with its lines and sums; nothing is due in a trial."""

    quote: Quote
    lines: tuple[Line, ...]
    sums: Sums | None

    @property
    def total(self) -> int:
        """What is due, in minor units."""
        return self.sums.total.amount if self.sums else 0


@dataclass(frozen=True)
class Ordered:
    """What came of an order: its payment, if anything was due, and the page to pay it."""

    payment: PaymentState | None
    checkout_url: str | None


def price(live: Live, new: PlanTerms, rate: TaxRate, invoice_id: UUID, now: datetime) -> Priced:
    """What the change costs at this moment; nothing in a trial. Raises `CreditDisputed`."""
    if live.trial:
        none = quote(None, live.span.ends_at, live.span.starts_at, new, now)
        return Priced(none, (), None)
    paid = worth_for_a_change(live)
    if new.term == live.terms.term:
        quoted = quote(paid, live.span.ends_at, live.span.starts_at, new, now)
    else:
        quoted = quote_of_another_term(paid, new, now)
    lines = _lines(live, new, rate, invoice_id, quoted)
    return Priced(quoted, lines, sums_of(lines))


def _lines(
    live: Live, new: PlanTerms, rate: TaxRate, invoice_id: UUID, quoted: Quote
) -> tuple[Line, ...]:
    charge = Line(
        line_id=line_id(invoice_id, 0),
        text=new.name,
        amount=quoted.charge,
        behaviour=new.tax,
        rate=rate,
        starts_at=quoted.starts_at,
        ends_at=quoted.ends_at,
        activation=Activation("change", live.agreement.subscription_id),
    )
    if live.paid is None or quoted.credit.amount == 0:
        return (charge,)
    # given back as it was paid: with the tax of then
    credit = Line(
        line_id=line_id(invoice_id, 1),
        text=f"{live.terms.name}: unused time",
        amount=-quoted.credit,
        behaviour=live.paid.behaviour,
        rate=live.paid.rate,
        starts_at=quoted.starts_at,
        ends_at=live.paid.ends_at,
    )
    return (charge, credit)


async def upgrade(
    desk: Desk,
    live: Live,
    new: PlanTerms,
    order: tuple[UUID, datetime],
    cause: Cause,
    *,
    expected: int | None = None,
) -> Ordered:
    """Order a dearer plan: `order` is the invoice's id and the moment that was quoted, `expected`
    the quoted total in minor units.

    Raises the refusals of the rules, `NotAnUpgrade` where less would be due than nothing,
    `PreviewOutdated` where the total has become another one.
    """
    of, (invoice_id, at) = live.agreement, order
    rate = await rate_for(desk.kernel.database, desk, of.account_id, at)
    priced = price(live, new, rate, invoice_id, at)
    if expected is not None and priced.total != expected:
        raise PreviewOutdated
    if priced.sums is not None and priced.sums.total.amount < 0:
        raise NotAnUpgrade
    paid = PaidPart(priced.quote.charge, new.tax, rate, at, priced.quote.ends_at)
    ordered = Upgrade(invoice_id, new, paid, priced.quote.resets)
    if priced.sums is None or priced.total == 0:
        part = ordered if priced.sums else None
        switch = SwitchPlan(of.account_id, new, part, worth_for_a_change(live), cause.now)
        own = own_cause(cause.now, actor=cause.actor)
        await desk.kernel.commands.handle(SUBSCRIPTION, of.subscription_id, switch, own)
        return Ordered(None, None)
    command = OrderUpgrade(of.account_id, ordered, worth_for_a_change(live), cause.now)
    how = (of.subscription_id, of.provider, priced.lines)
    draft = DraftInvoice(invoice_id, of.account_id, "upgrade", *how, cause.now)
    return await _order(desk, draft, command, cause)


async def resume(desk: Desk, live: Live, invoice_id: UUID, cause: Cause) -> Ordered:
    """Order a new first period after a pause; free plans go on at once."""
    of, now = live.agreement, cause.now
    if of.terms.is_free:
        free = OrderResumption(of.account_id, None, now)
        own = own_cause(now, actor=cause.actor)
        await desk.kernel.commands.handle(SUBSCRIPTION, of.subscription_id, free, own)
        return Ordered(None, None)
    rate = await rate_for(desk.kernel.database, desk, of.account_id, now)
    line = plan_line(invoice_id, of.terms, rate, ("resume", of.subscription_id))
    draft = DraftInvoice(
        invoice_id,
        of.account_id,
        "resumption",
        of.subscription_id,
        of.provider,
        (line,),
        now,
    )
    command = OrderResumption(of.account_id, invoice_id, now)
    return await _order(desk, draft, command, cause)


async def _order(
    desk: Desk, draft: DraftInvoice, command: OrderUpgrade | OrderResumption, cause: Cause
) -> Ordered:
    """Note the order, invoice it and begin to pay it, together; then ask the provider."""
    now, id = cause.now, draft.subscription_id
    assert id is not None

    async def work(streams: UnitOfWork) -> UUID:
        own = own_cause(now, actor=cause.actor)
        await streams.handle(SUBSCRIPTION, id, command, own)
        invoice = await issue(streams, desk, draft, own_cause(now, because=id))
        assert isinstance(invoice, Open)
        method_id = await method_of(streams.transaction, draft.account_id, draft.provider)
        means: Means = "saved_method" if method_id else "page"
        if draft.provider == TRANSFER:
            means = "transfer"
        asked = (draft.invoice_id, draft.account_id, invoice.content.total)
        how = (draft.provider, means, method_id)
        return await start_in(streams, asked, how, now, first=True)

    payment_id = await unit(desk.kernel.commands, work)
    return await pay_order(desk, payment_id, now)


async def pay_order(desk: Desk, payment_id: UUID, now: datetime) -> Ordered:
    """Charge the saved method, or open the page; again, it is the same."""
    async with desk.kernel.database.reader() as reader:
        _, payment = await desk.kernel.commands.state(reader, PAYMENT, payment_id)
    if not isinstance(payment, UnderWay) or payment.of.means == "transfer":
        return Ordered(payment, None)
    if payment.of.means == "page":
        page = await open_page(desk, payment_id, now)
        return Ordered(payment, page.url)
    payment = await ask(desk, payment_id, now)
    return Ordered(payment, payment.url if isinstance(payment, UnderWay) else None)


def first_payment(invoice_id: UUID) -> UUID:
    """The id of the first attempt at an invoice."""
    return attempt_id(invoice_id, 1)


def was_refused(payment: PaymentState | None) -> bool:
    """Whether an order came to nothing."""
    return isinstance(payment, Declined | NotAttempted)
