"""Buying a plan: the order of the steps, each of which a repeat finds done.

Free: active at once. With a trial: at once where it is secured, else after a page that saves a way
to pay. Else an invoice, and a page to pay it, or a transfer to wait for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.event_store import Cause
from common.unit_of_work import UnitOfWork

from billing.charging import open_page
from billing.customers.commands import OpenMethodPage
from billing.customers.decider import CUSTOMER
from billing.desk import Desk
from billing.exclusivity import CategoryTaken, TrialUsed, trial_used
from billing.invoice_states import Open
from billing.invoices.commands import DraftInvoice, VoidInvoice
from billing.invoices.decider import INVOICE
from billing.invoicing import DUE_IN, issue, plan_line, rate_for
from billing.paying import PaymentMethodRequired, close_doors, method_of, start_in
from billing.payments.decider import PAYMENT, UnderWay
from billing.payments.events import Means
from billing.steps import id_of
from billing.subscription_rules.states import NoSubscription, SubscriptionState
from billing.subscriptions.commands import CreateSubscription, EndSubscription
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.read_model import subscriptions_in
from billing.terms import PlanTerms
from billing.transfers import TRANSFER
from billing.units import own_cause, unit

PENDING_FOR = timedelta(hours=23)


@dataclass(frozen=True)
class Order:
    """What somebody wants to buy, and where the page leads back to. `started_at` is from when it
    counts, if earlier; with `trial_asked` it is a trial, or refused."""

    account_id: UUID
    terms: PlanTerms
    provider: str
    success_url: str | None = None
    cancel_url: str | None = None
    started_at: datetime | None = None
    trial_asked: bool = False


@dataclass(frozen=True)
class Bought:
    """What came of it: things to look up, and where the customer goes next, if anywhere."""

    subscription_id: UUID
    invoice_id: UUID | None
    checkout_url: str | None


async def buy(desk: Desk, order: Order, cause: Cause) -> Bought:
    """Carry out an order; repeated with the same cause it goes on where it stopped.

    Raises `CategoryTaken`, `PaymentMethodRequired`, `PaymentMethodUnknown`, `Unavailable`, ...
    """
    provider = desk.methods.provider(order.provider)
    id, invoice_id = id_of(cause, "subscription"), id_of(cause, "invoice")
    await _replace_unpaid(desk, order, id, cause.now)
    trial = await _has_trial(desk, order, id)
    if order.terms.is_free:
        await _create(desk, order, id, cause, trial=trial, secured=True)
        return Bought(id, None, None)
    if trial:
        return await _begin_trial(desk, order, id, cause)
    if provider.name != TRANSFER:
        await desk.methods.customer(order.account_id, provider, cause)  # known before it is asked
    payment_id = await _invoice(desk, order, id, invoice_id, cause)
    if provider.name == TRANSFER or payment_id is None:
        return Bought(id, invoice_id, None)
    async with desk.kernel.database.reader() as reader:
        _, payment = await desk.kernel.commands.state(reader, PAYMENT, payment_id)
    if not isinstance(payment, UnderWay):
        return Bought(id, invoice_id, None)
    page = await open_page(
        desk,
        payment_id,
        cause.now,
        success_url=order.success_url,
        cancel_url=order.cancel_url,
    )
    return Bought(id, invoice_id, page.url)


async def _has_trial(desk: Desk, order: Order, id: UUID) -> bool:
    """Whether this order is one of a trial: as it was begun, or as the right to one stands."""
    state = await _state(desk, id)
    if not isinstance(state, NoSubscription):
        rows = await subscriptions_in(desk.kernel.database, order.account_id, ("trialing",))
        began = any(row.subscription_id == id for row in rows)
        return began or getattr(state, "trial", False)
    terms = order.terms
    if terms.trial_days == 0 or terms.is_free:
        return False
    used = await trial_used(desk.kernel.database, order.account_id, terms.family)
    if used and order.trial_asked:
        raise TrialUsed
    return not used


async def _state(desk: Desk, id: UUID) -> SubscriptionState:
    async with desk.kernel.database.reader() as reader:
        _, state = await desk.kernel.commands.state(reader, SUBSCRIPTION, id)
    return state


async def _begin_trial(desk: Desk, order: Order, id: UUID, cause: Cause) -> Bought:
    needs_method = order.terms.trial_needs_method
    if needs_method and order.provider == TRANSFER:
        raise PaymentMethodRequired("The trial of this plan needs a way to pay that can be saved.")
    async with desk.kernel.database.reader() as reader:
        method = await method_of(reader, order.account_id, order.provider)
    secured = not needs_method or method is not None
    page = None
    if not secured:
        home = desk.settings.public_url
        urls = (order.success_url or home, order.cancel_url or home)
        page_id, page = await desk.methods.open(order.account_id, order.provider, *urls, cause)
        note = OpenMethodPage(order.account_id, page_id, order.provider, page.reference, cause.now)
        own = own_cause(cause.now, actor=order.account_id)
        await desk.kernel.commands.handle(CUSTOMER, order.account_id, note, own)
    await _create(desk, order, id, cause, trial=True, secured=secured)
    return Bought(id, None, page.url if page else None)


async def _create(
    desk: Desk, order: Order, id: UUID, cause: Cause, *, trial: bool, secured: bool
) -> None:
    if not isinstance(await _state(desk, id), NoSubscription):
        return
    command = _command(order, id, None, cause.now, trial=trial, secured=secured)
    own = own_cause(cause.now, actor=order.account_id)
    await desk.kernel.commands.handle(SUBSCRIPTION, id, command, own)


def _command(
    order: Order,
    id: UUID,
    invoice_id: UUID | None,
    now: datetime,
    *,
    trial: bool = False,
    secured: bool = False,
) -> CreateSubscription:
    # who transfers has as long as the invoice says
    waits = DUE_IN if order.provider == TRANSFER else PENDING_FOR
    return CreateSubscription(
        subscription_id=id,
        account_id=order.account_id,
        terms=order.terms,
        provider=order.provider,
        trial=trial,
        secured=secured,
        invoice_id=invoice_id,
        expires_at=now + waits,
        now=now,
        anchor=order.started_at,
    )


async def _invoice(
    desk: Desk, order: Order, id: UUID, invoice_id: UUID, cause: Cause
) -> UUID | None:
    """The subscription, its invoice and the first attempt to pay it, together; the attempt."""
    now, account = cause.now, order.account_id
    means: Means = "transfer" if order.provider == TRANSFER else "page"

    async def work(streams: UnitOfWork) -> UUID | None:
        state = await streams.state(SUBSCRIPTION, id)
        if not isinstance(state, NoSubscription):
            return await _first_payment(streams, invoice_id)
        create = _command(order, id, invoice_id, now)
        own = own_cause(now, actor=account)
        await streams.handle(SUBSCRIPTION, id, create, own)
        rate = await rate_for(streams.transaction, desk, account, now)
        line = plan_line(invoice_id, order.terms, rate, ("start", id))
        draft = DraftInvoice(invoice_id, account, "checkout", id, order.provider, (line,), now)
        invoice = await issue(streams, desk, draft, own_cause(now, because=id))
        assert isinstance(invoice, Open)
        asked = (invoice_id, account, invoice.content.total)
        how = (order.provider, means, None)
        return await start_in(streams, asked, how, now, first=True)

    return await unit(desk.kernel.commands, work)


async def _first_payment(streams: UnitOfWork, invoice_id: UUID) -> UUID | None:
    found: UUID | None = await streams.transaction.connection.fetchval(_FIRST_PAYMENT, invoice_id)
    return found


async def _replace_unpaid(desk: Desk, order: Order, id: UUID, now: datetime) -> None:
    """An order that was left at its page makes way for another of the same kind.

    Raises `CategoryTaken` when it turns out to be paid.
    """
    wanted = set(order.terms.single_in)
    for row in await subscriptions_in(desk.kernel.database, order.account_id, ("pending",)):
        if row.subscription_id != id and wanted & set(row.terms.single_in):
            await drop_pending(desk, row.subscription_id, now)


async def drop_pending(desk: Desk, id: UUID, now: datetime) -> None:
    """End an order that nobody paid. Raises `CategoryTaken` if somebody did."""
    state = await _state(desk, id)
    invoice_id = getattr(state, "invoice_id", None)
    if invoice_id is not None:
        await close_doors(desk, invoice_id, now)

    async def work(streams: UnitOfWork) -> None:
        if invoice_id is not None:
            invoice = await streams.state(INVOICE, invoice_id)
            if not isinstance(invoice, Open):
                raise CategoryTaken
            void = VoidInvoice("replaced", now)
            await streams.handle(INVOICE, invoice_id, void, own_cause(now, because=id))
        end = EndSubscription("replaced", now)
        await streams.handle(SUBSCRIPTION, id, end, own_cause(now, because=id))

    await unit(desk.kernel.commands, work)


_FIRST_PAYMENT = "select payment_id from payments where invoice_id = $1 order by attempt limit 1"
