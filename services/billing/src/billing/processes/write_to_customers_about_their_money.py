"""When money has moved, will move or did not, and when a subscription is over, a mail says so."""

from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from billing.customers.read_model import customer_of, methods_of
from billing.dunning import AWAITING_TRANSFER
from billing.invoices.events import InvoicePaid
from billing.invoices.read_model import invoice_by_id
from billing.late_mails import AddressUnknown, wait
from billing.mail_templates import why_ended
from billing.mail_wording import (
    of_a_failed_payment,
    of_a_paid_invoice,
    of_a_transfer_due,
    of_an_ended_subscription,
    of_an_ending_trial,
)
from billing.mails import Mails
from billing.subscriptions.events import (
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionUnpaid,
    TrialEndAnnounced,
)
from billing.subscriptions.read_model import subscription_by_id
from billing.taxes import TaxedPerson, tax_for, taxed

TRANSFER = "invoice"
"""The provider of those who pay by transfer: nobody sees their payment but us."""

MAILS_AT_ONCE = 4
"""How many are on their way at the same time."""

WORTH_READING = timedelta(days=7)
"""How long a mail waits for its reader's address."""

Worth = (
    InvoicePaid | TrialEndAnnounced | SubscriptionPastDue | SubscriptionUnpaid | SubscriptionEnded
)


def write_to_customers_about_their_money(mails: Mails, seller_country: str) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        try:
            await write(mails, record.event, key, seller_country)
        except AddressUnknown:
            await wait(mails.database, record, key, worth_until(record.event))

    return Processor(
        "write_to_customers_about_their_money", Worth, act, _is_about_money, MAILS_AT_ONCE
    )


async def write(mails: Mails, event: Worth, key: UUID, seller_country: str) -> None:
    """The mail that follows from a fact, under its key. Raises `AddressUnknown`, `Refused`,
    `MailFailed`."""
    match event:
        case InvoicePaid():
            await _paid(mails, event, key)
        case TrialEndAnnounced():
            await _trial_ends(mails, event, key, seller_country)
        case SubscriptionPastDue(code=code) if code == AWAITING_TRANSFER:
            await _transfer_is_due(mails, event, key)
        case SubscriptionPastDue() | SubscriptionUnpaid():
            await _failed(mails, event, key)
        case SubscriptionEnded():
            await _ended(mails, event, key)
        case _:
            assert_never(event)


def worth_until(event: Worth) -> datetime:
    """When nobody wants to read of it any more: what it announces is over, or a week is."""
    match event:
        case InvoicePaid():
            return event.paid_at + WORTH_READING
        case TrialEndAnnounced():
            return event.ends_at
        case SubscriptionPastDue():
            return min(event.retry_at, event.failed_at + WORTH_READING)
        case SubscriptionUnpaid():
            return min(event.grace_until, event.given_up_at + WORTH_READING)
        case SubscriptionEnded():
            return event.ended_at + WORTH_READING
        case _:
            assert_never(event)


def _is_about_money(event: Worth) -> bool:
    """Nobody wants a receipt for nothing."""
    return not isinstance(event, InvoicePaid) or event.amount.amount != 0


async def _paid(mails: Mails, event: InvoicePaid, key: UUID) -> None:
    invoice = await invoice_by_id(mails.database, event.invoice_id)
    assert invoice is not None
    await mails.send(
        "payment_received" if invoice.provider == TRANSFER else "receipt",
        event.account_id,
        key,
        lambda language: of_a_paid_invoice(invoice, event.paid_at, language),
    )


async def _trial_ends(
    mails: Mails, event: TrialEndAnnounced, key: UUID, seller_country: str
) -> None:
    row = await subscription_by_id(mails.database, event.subscription_id)
    assert row is not None
    terms, id = row.terms, event.account_id
    customer, methods = await customer_of(mails.database, id), await methods_of(mails.database, id)
    address = customer.details.address
    person = TaxedPerson(
        address.country if address else None,
        address.region if address else None,
        customer.details.vat_number,
    )
    applied = tax_for(person, seller_country, event.ends_at)
    price = taxed(terms.price, terms.tax, applied.basis_points).gross
    face = next((m.face for m in methods if m.method_id == customer.default_method_id), None)
    await mails.send(
        "trial_ending",
        id,
        key,
        lambda language: of_an_ending_trial(terms.name, price, face, event.ends_at, language),
    )


async def _transfer_is_due(mails: Mails, event: SubscriptionPastDue, key: UUID) -> None:
    """Nobody tried to collect anything, so nothing failed."""
    row = await subscription_by_id(mails.database, event.subscription_id)
    invoice = await invoice_by_id(mails.database, event.invoice_id)
    assert row is not None
    assert invoice is not None
    plan = row.terms.name
    await mails.send(
        "transfer_due",
        event.account_id,
        key,
        lambda language: of_a_transfer_due(plan, invoice, event.retry_at, language),
    )


async def _failed(mails: Mails, event: SubscriptionPastDue | SubscriptionUnpaid, key: UUID) -> None:
    row = await subscription_by_id(mails.database, event.subscription_id)
    assert row is not None
    plan = row.terms.name
    until = event.retry_at if isinstance(event, SubscriptionPastDue) else event.grace_until
    failures = event.failures if isinstance(event, SubscriptionPastDue) else None
    await mails.send(
        "payment_failed",
        event.account_id,
        key,
        lambda language: of_a_failed_payment(
            plan, event.code, language, failures=failures, until=until
        ),
    )


async def _ended(mails: Mails, event: SubscriptionEnded, key: UUID) -> None:
    row = await subscription_by_id(mails.database, event.subscription_id)
    assert row is not None
    if row.period_starts_at is None or why_ended(event.reason, "en") is None:
        return  # it never began, or nobody is there to read of it
    plan = row.terms.name
    await mails.send(
        "subscription_ended",
        event.account_id,
        key,
        lambda language: of_an_ended_subscription(plan, event.reason, event.ended_at, language),
    )
