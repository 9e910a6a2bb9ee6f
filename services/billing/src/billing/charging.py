"""Asks providers: opens pages, charges saved methods, asks again what nobody knew.

Never inside a transaction. Each question carries the key that was written down with the attempt, so
that whoever asks it after a crash asks the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from common.clock import Clock
from common.problems import Unavailable
from common.unit_of_work import UnitOfWork

from billing.customers.read_model import MethodRow, methods_named
from billing.desk import Desk
from billing.invoice_arithmetic import sums_of
from billing.invoices.read_model import InvoiceRow, invoice_by_id
from billing.payment_methods import CannotBeSaved, CustomerNotKnownYet
from billing.payment_provider import (
    PAGE_CLOSED,
    CheckoutPage,
    NotAttempted,
    Outcome,
    PageLine,
    PageOrder,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
    SavedMethod,
    Succeeded,
    Unknown,
)
from billing.payment_queue import claim
from billing.payments.commands import NotePage
from billing.payments.decider import PAYMENT, Attempt, PaymentState, UnderWay
from billing.settling import settle, settle_all
from billing.units import own_cause

log = structlog.get_logger(__name__)

PAGE_LASTS = timedelta(hours=22)
"""Shorter than an order waits, so that its page is closed when it expires."""
POLL_SECONDS = 0.5


class AmountNotPayable(CannotBeSaved):
    """The provider takes no such amount: it is too small, say."""

    code = "amount_not_payable"
    detail = "The payment provider does not take this amount. Nothing was charged."


async def collect(desk: Desk, clock: Clock) -> None:
    """Ask about whatever is due until cancelled; any number of workers may do so side by side."""
    while True:
        if not await collect_once(desk, clock):
            await asyncio.sleep(POLL_SECONDS)


async def collect_once(desk: Desk, clock: Clock) -> int:
    """Ask about what is due now, several at a time; how many there were."""
    ids = await claim(desk.kernel.database, clock.now(), desk.settings.charges_at_once)
    if not ids:
        return 0
    asked = await _ask_all(desk, await _under_way(desk, ids), clock.now())
    failed: list[BaseException] = []
    while asked:
        answered, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        failed += [error for one in answered if (error := one.exception()) is not None]
        said = dict(one.result() for one in answered if one.exception() is None)
        outcomes = {id: outcome for id, outcome in said.items() if outcome is not None}
        if outcomes:
            await settle_all(desk, outcomes, clock.now())
    if failed:
        raise failed[0]
    return len(ids)


async def _under_way(desk: Desk, ids: Sequence[UUID]) -> list[UnderWay]:
    async with desk.kernel.database.reader() as reader:
        states = await UnitOfWork(desk.kernel.commands, reader).load(PAYMENT, ids)
    return [state for state in states if isinstance(state, UnderWay)]


async def _ask_all(
    desk: Desk, waiting: Sequence[UnderWay], now: datetime
) -> "set[asyncio.Task[tuple[UUID, Outcome | None]]]":
    """The questions, asked side by side; each comes back with its payment's id."""
    methods = await methods_named(
        desk.kernel.database,
        [(one.of.account_id, one.of.method_id) for one in waiting if one.of.method_id],
    )

    async def answer(state: UnderWay) -> tuple[UUID, Outcome | None]:
        return state.of.payment_id, await _asked(desk, state, methods, now)

    return {asyncio.ensure_future(answer(state)) for state in waiting}


async def ask(desk: Desk, payment_id: UUID, now: datetime) -> PaymentState:
    """Ask what became of a payment, or let it begin; the payment afterwards."""
    state = await _load(desk, payment_id)
    if not isinstance(state, UnderWay):
        return state
    named = [(state.of.account_id, state.of.method_id)] if state.of.method_id else []
    methods = await methods_named(desk.kernel.database, named)
    outcome = await _asked(desk, state, methods, now)
    if outcome is None:
        return state
    return await settle(desk, payment_id, outcome, now)


Methods = Mapping[tuple[UUID, UUID], MethodRow]


async def _asked(desk: Desk, state: UnderWay, methods: Methods, now: datetime) -> Outcome | None:
    """What became of it; None while its page is open, whatever was tried there so far."""
    provider = desk.providers.get(state.of.provider)
    if provider is None:
        log.error("provider_is_not_configured", provider=state.of.provider)
        return Unknown(state.reference)
    try:
        if state.reference is not None:
            return await provider.fetch(state.reference)
        if state.of.means == "page":
            return await _page_outcome(desk, provider, state, now)
        return await _charge(desk, provider, state.of, methods)
    except ProviderUnavailable:
        return Unknown(state.reference)
    except ProviderRefused as refused:
        log.warning("provider_refused", provider=provider.name, code=refused.code)
        if state.reference is not None:
            return Unknown(state.reference)  # there is a payment, so its outcome is not our guess
        return NotAttempted(None, refused.code)


async def _load(desk: Desk, payment_id: UUID) -> PaymentState:
    async with desk.kernel.database.reader() as reader:
        _, state = await desk.kernel.commands.state(reader, PAYMENT, payment_id)
    return state


async def _page_outcome(
    desk: Desk, provider: PaymentProvider, state: UnderWay, now: datetime
) -> Outcome | None:
    if state.page is None:
        return await _opened_late(desk, state.of.payment_id, now)
    seen = await provider.page(state.page)
    if seen.status == "open" and state.expires_at is not None and state.expires_at <= now:
        seen = await provider.expire_page(state.page, key=f"expire:{state.of.payment_id}")
    if seen.status == "open":
        return None
    if seen.status == "expired" and not isinstance(seen.outcome, Succeeded):
        return NotAttempted(None, "page_expired")
    return seen.outcome


async def _opened_late(desk: Desk, payment_id: UUID, now: datetime) -> Outcome | None:
    """A page that was asked for and never noted; None once it is there."""
    try:
        await open_page(desk, payment_id, now)
    except (Unavailable, CustomerNotKnownYet):
        return Unknown(None)
    except CannotBeSaved as refused:
        return NotAttempted(None, refused.code)
    return None


async def _charge(desk: Desk, provider: PaymentProvider, of: Attempt, methods: Methods) -> Outcome:
    method = methods.get((of.account_id, of.method_id)) if of.method_id else None
    if method is None:
        return NotAttempted(None, "no_payment_method")
    text = f"{desk.settings.seller_name} {of.invoice_id}"
    return await provider.charge(
        of.payment_id, saved_method(method), of.amount, text=text, key=of.key
    )


def saved_method(row: MethodRow) -> SavedMethod:
    """The method as its provider knows it."""
    face = row.face
    return SavedMethod(face.reference, face.customer, face.brand, face.last4, face.expires)


async def open_page(
    desk: Desk,
    payment_id: UUID,
    now: datetime,
    *,
    success_url: str | None = None,
    cancel_url: str | None = None,
) -> CheckoutPage:
    """The page on which a payment is made; asked for again it is the same.

    Raises `Unavailable`, `CannotBeSaved` where the provider has no pages, `AmountNotPayable`.
    """
    state = await _load(desk, payment_id)
    assert isinstance(state, UnderWay)
    if state.page and state.url and state.expires_at:
        return CheckoutPage(state.page, state.url, state.expires_at)
    of, invoice = state.of, await invoice_by_id(desk.kernel.database, state.of.invoice_id)
    assert invoice is not None
    provider, home = desk.providers[of.provider], desk.settings.public_url
    cause = own_cause(now, because=payment_id)
    try:
        order = PageOrder(
            payment_id=payment_id,
            customer=await desk.methods.customer(of.account_id, provider, cause),
            lines=_page_lines(invoice),
            success_url=success_url or home,
            cancel_url=cancel_url or home,
            expires_at=now + PAGE_LASTS,
            save_method=True,
        )
        page = _lasting(await provider.checkout_page(order, key=of.key), order)
    except ProviderUnavailable:
        raise Unavailable from None
    except ProviderRefused as refused:
        log.warning("provider_refused", provider=provider.name, code=refused.code)
        raise await _without_page(desk, payment_id, refused, now) from None
    await desk.kernel.commands.handle(PAYMENT, payment_id, NotePage(page, now), cause)
    return page


async def _without_page(
    desk: Desk, payment_id: UUID, refused: ProviderRefused, now: datetime
) -> Exception:
    """There will be no page: what was ordered with it is withdrawn at once."""
    if refused.code == PAGE_CLOSED:
        return Unavailable()  # what became of it the provider will tell
    await settle(desk, payment_id, NotAttempted(None, refused.code), now)
    return AmountNotPayable() if "amount" in refused.code else CannotBeSaved()


def _lasting(page: CheckoutPage, order: PageOrder) -> CheckoutPage:
    """A sandbox's clock may have left the provider's behind: then the page ends by ours."""
    return replace(page, expires_at=max(page.expires_at, order.expires_at))


def _page_lines(invoice: InvoiceRow) -> list[PageLine]:
    """The invoice's lines with their tax; one for all where something is given back."""
    totals = sums_of(invoice.lines).line_totals
    if any(total.amount < 0 for total in totals):
        return [PageLine(f"Invoice {invoice.number}", invoice.total)]
    return [PageLine(line.text, t) for line, t in zip(invoice.lines, totals, strict=True)]
