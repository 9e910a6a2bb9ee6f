"""Invoices as they are issued: lines, tax, parties and, last of all, the number."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from common.database import Database, Transaction
from common.event_store import Cause
from common.unit_of_work import UnitOfWork

from billing.customers.read_model import CustomerRow, customer_of
from billing.desk import Desk
from billing.documents import Activation, ActivationKind, Line, Party, TaxRate
from billing.invoice_states import InvoiceState, NoInvoice
from billing.invoices.commands import DraftInvoice, FinaliseInvoice, IssueInvoice
from billing.invoices.decider import INVOICE
from billing.numbering import INVOICES, next_numbers
from billing.taxes import TaxedPerson, tax_for
from billing.terms import PlanTerms

DUE_IN = timedelta(days=14)


async def issue(streams: UnitOfWork, desk: Desk, draft: DraftInvoice, cause: Cause) -> InvoiceState:
    """Issue the invoice, or leave it as it is when it was. Others who issue wait from here to the
    commit."""
    customer = await customer_of(streams.transaction, draft.account_id)
    return (await issue_all(streams, desk, [(draft, cause, customer)], draft.now))[0]


async def issue_all(
    streams: UnitOfWork,
    desk: Desk,
    drafts: Sequence[tuple[DraftInvoice, Cause, CustomerRow]],
    now: datetime,
) -> Sequence[InvoiceState]:
    """The same for many, numbered in this order; each with the customer that it is for."""
    ids = [draft.invoice_id for draft, _, _ in drafts]
    states = zip(drafts, await streams.load(INVOICE, ids), strict=True)
    fresh = [one for one, state in states if isinstance(state, NoInvoice)]
    if fresh:
        await streams.write()  # others wait for the numbers: what needs none is done before
        numbers = await next_numbers(streams.transaction, INVOICES, now, len(fresh))
        for (draft, cause, customer), number in zip(fresh, numbers, strict=True):
            command = IssueInvoice(draft, _finalised(desk.seller, draft, customer, number))
            await streams.handle(INVOICE, draft.invoice_id, command, cause)
    return await streams.load(INVOICE, ids)


def _finalised(
    seller: Party, draft: DraftInvoice, customer: CustomerRow, number: str
) -> FinaliseInvoice:
    return FinaliseInvoice(
        number=number,
        books_id=books_of(draft.account_id),
        seller=seller,
        customer=party_of(customer),
        due_at=draft.now + DUE_IN,
        now=draft.now,
    )


def books_of(account_id: UUID) -> UUID:
    """Under whose key an account's invoices stand: it outlives the account's own."""
    return uuid5(account_id, "books")


def party_of(customer: CustomerRow) -> Party:
    """The customer as an invoice names them."""
    contact, details = customer.contact, customer.details
    address = details.address
    parts = (
        [address.line1, address.line2, address.postal_code, address.city, address.region]
        if address
        else []
    )
    return Party(
        name=details.company or contact.name or "",
        address=", ".join(part for part in parts if part),
        country=address.country if address else "",
        vat_number=details.vat_number,
        email=contact.email,
    )


async def rate_for(
    database: Database | Transaction, desk: Desk, account_id: UUID, at: datetime
) -> TaxRate:
    """The tax on what this customer buys at this moment."""
    return rate_of(await customer_of(database, account_id), desk, at)


def rate_of(customer: CustomerRow, desk: Desk, at: datetime) -> TaxRate:
    """The same where the customer was read already."""
    address = customer.details.address
    person = TaxedPerson(
        address.country if address else None,
        address.region if address else None,
        customer.details.vat_number,
    )
    applied = tax_for(person, desk.settings.seller_country, at)
    return TaxRate(applied.country, applied.basis_points, applied.note)


def plan_line(
    invoice_id: UUID,
    terms: PlanTerms,
    rate: TaxRate,
    activation: tuple[ActivationKind, UUID],
    span: tuple[datetime, datetime] | None = None,
) -> Line:
    """A whole period of a plan. Without a span it begins when it is paid."""
    starts_at, ends_at = span or (None, None)
    return Line(
        line_id=line_id(invoice_id, 0),
        text=terms.name,
        amount=terms.price,
        behaviour=terms.tax,
        rate=rate,
        starts_at=starts_at,
        ends_at=ends_at,
        activation=Activation(*activation),
    )


def line_id(invoice_id: UUID, n: int) -> UUID:
    """The id of an invoice's n-th line."""
    return uuid5(invoice_id, f"line/{n}")


def total_text(lines: Sequence[Line]) -> str:
    """What a statement says the payment is for."""
    return ", ".join(line.text for line in lines)
