"""Ways into an invoice: at most one is open, and whoever opens another closes the one before."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from common.database import Transaction
from common.money import Money
from common.problems import Conflict
from common.unit_of_work import UnitOfWork

from billing.charging import ask, open_page
from billing.desk import Desk
from billing.invoice_states import AlreadyPaid
from billing.payment_provider import (
    NotAttempted,
    ProviderRefused,
    ProviderUnavailable,
    Succeeded,
)
from billing.payment_queue import PaymentUnderWay, open_payment
from billing.payments.commands import StartPayment
from billing.payments.decider import PAYMENT, Held, PaymentState, UnderWay
from billing.payments.events import Means
from billing.payments.read_model import payments_of
from billing.settling import REPLACED, settle, settle_in
from billing.transfers import TRANSFER
from billing.units import own_cause, unit


class PaymentMethodRequired(Conflict):
    """There must be a saved way to pay first."""

    code = "payment_method_required"
    detail = "Save a way to pay first."


async def method_of(transaction: Transaction, account: UUID, provider: str) -> UUID | None:
    """What to charge while the customer is away: their default, else the newest of the provider."""
    return (await methods_to_charge(transaction, [(account, provider)])).get((account, provider))


async def methods_to_charge(
    transaction: Transaction, wanted: Sequence[tuple[UUID, str]]
) -> Mapping[tuple[UUID, str], UUID]:
    """The same for many accounts and providers; those that have nothing to charge are left out."""
    accounts, providers = [account for account, _ in wanted], [name for _, name in wanted]
    rows = await transaction.connection.fetch(_METHODS, accounts, providers)
    return {(row["account_id"], row["provider"]): row["method_id"] for row in rows}


async def start_in(
    streams: UnitOfWork,
    invoice: tuple[UUID, UUID, Money],
    how: tuple[str, Means, UUID | None],
    now: datetime,
    *,
    automatic: bool = False,
    first: bool = False,
) -> UUID:
    """Begin the next attempt at an invoice (id, account, amount) with (provider, means, method);
    the attempt's id. `first`: nobody can have tried before. Raises `PaymentUnderWay`."""
    invoice_id, account_id, amount = invoice
    attempt = 1 if first else 1 + await _attempts(streams.transaction, invoice_id)
    payment_id = attempt_id(invoice_id, attempt)
    provider, means, method_id = how
    command = StartPayment(
        payment_id=payment_id,
        invoice_id=invoice_id,
        account_id=account_id,
        attempt=attempt,
        provider=provider,
        means=means,
        method_id=method_id,
        automatic=automatic,
        amount=amount,
        now=now,
    )
    cause = own_cause(now, because=invoice_id)
    await streams.handle(PAYMENT, payment_id, command, cause)
    return payment_id


def attempt_id(invoice_id: UUID, attempt: int) -> UUID:
    """The id of the payment that is an invoice's n-th attempt, counted from 1."""
    return uuid5(invoice_id, f"attempt/{attempt}")


async def _attempts(transaction: Transaction, invoice_id: UUID) -> int:
    made: int = await transaction.connection.fetchval(_ATTEMPTS, invoice_id)
    return made


async def start(
    desk: Desk,
    invoice: tuple[UUID, UUID, Money],
    how: tuple[str, Means, UUID | None],
    now: datetime,
) -> UUID:
    """The same in a transaction of its own."""

    async def work(streams: UnitOfWork) -> UUID:
        return await start_in(streams, invoice, how, now)

    return await unit(desk.kernel.commands, work)


async def close_doors(desk: Desk, invoice_id: UUID, now: datetime) -> None:
    """Close what is open, so that another way can be opened. What was paid meanwhile is settled.

    Raises `PaymentUnderWay` where nobody can close it any more.
    """
    payment_id = await open_payment(desk.kernel.database, invoice_id)
    if payment_id is None:
        return
    async with desk.kernel.database.reader() as reader:
        _, state = await desk.kernel.commands.state(reader, PAYMENT, payment_id)
    if isinstance(state, UnderWay):
        state = await _close(desk, state, now)
    if isinstance(state, UnderWay):
        raise PaymentUnderWay


async def _close(desk: Desk, state: UnderWay, now: datetime) -> PaymentState:
    of = state.of
    if of.means in ("transfer", "manual"):
        return await settle(desk, of.payment_id, NotAttempted(None, REPLACED), now)
    if of.means == "saved_method":
        return await ask(desk, of.payment_id, now)
    page = state.page or (await open_page(desk, of.payment_id, now)).reference
    provider = desk.providers[of.provider]
    try:
        seen = await provider.expire_page(page, key=f"expire:{of.payment_id}")
    except (ProviderUnavailable, ProviderRefused):
        return state
    outcome = seen.outcome
    if seen.status == "expired" and not isinstance(outcome, Succeeded):
        outcome = NotAttempted(None, REPLACED)
    return await settle(desk, of.payment_id, outcome, now)


async def pay_by_hand(
    desk: Desk, invoice: tuple[UUID, UUID, Money], reference: str, now: datetime
) -> PaymentState:
    """An administrator saw the money: what was due is paid. Raises `PaymentUnderWay`."""
    await close_doors(desk, invoice[0], now)

    async def work(streams: UnitOfWork) -> PaymentState:
        how: tuple[str, Means, None] = (TRANSFER, "manual", None)
        payment_id = await start_in(streams, invoice, how, now)
        outcome = Succeeded(reference, invoice[2])
        _, after = await settle_in(streams, payment_id, outcome, now)
        if isinstance(after, Held):
            raise AlreadyPaid  # by another administrator, at this moment
        return after

    return await unit(desk.kernel.commands, work)


async def last_payment(desk: Desk, invoice_id: UUID) -> UUID | None:
    """The newest attempt at an invoice."""
    rows = await payments_of(desk.kernel.database, invoice_id)
    return rows[0].payment_id if rows else None


_ATTEMPTS = "select count(*) from payments where invoice_id = $1"
_METHODS = """
    select distinct on (account_id, provider) account_id, provider, method_id
      from unnest($1::uuid[], $2::text[]) as wanted (account_id, provider)
      join payment_methods using (account_id, provider) left join customers using (account_id)
     order by account_id, provider,
              method_id is not distinct from default_method_id desc, saved_at desc, method_id"""
