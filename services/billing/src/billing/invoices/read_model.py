"""Invoices to read, as they were made: nothing is looked up to show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from common.database import Database
from common.money import Money
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, insert

from billing.documents import Line, Party
from billing.invoices import events as facts
from billing.invoices.events import InvoiceEvent

_AT = sa.DateTime(timezone=True)
invoices = sa.Table(
    "invoices",
    sa.MetaData(),
    sa.Column("invoice_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("subscription_id", sa.Uuid),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("lines", JSONB, nullable=False),
    sa.Column("net", JSONB, nullable=False),
    sa.Column("tax", JSONB, nullable=False),
    sa.Column("total", JSONB, nullable=False),
    sa.Column("refunded", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Text),
    sa.Column("seller", JSONB),
    sa.Column("customer", JSONB),
    sa.Column("payment_id", sa.Uuid),
    sa.Column("overdue", sa.Boolean, nullable=False),
    sa.Column("dispute", sa.Text),
    sa.Column("void_reason", sa.Text),
    sa.Column("drafted_at", _AT, nullable=False),
    sa.Column("issued_at", _AT),
    sa.Column("due_at", _AT),
    sa.Column("paid_at", _AT),
    sa.Column("closed_at", _AT),
    sa.Index("invoices_by_account", "account_id", "invoice_id"),
    sa.Index("invoices_by_subscription", "subscription_id"),
    sa.Index("invoices_by_number", "number"),
)
_UPDATES: dict[tuple[str, ...], Statement] = {}
_LINES = TypeAdapter(tuple[Line, ...])
_PARTY = TypeAdapter(Party)
_MONEY = TypeAdapter(Money)


_INSERT = Statement(
    insert(invoices).values({c.name: sa.bindparam(c.name, type_=c.type) for c in invoices.c})
)


def _mark(event: InvoiceEvent, stamp: Stamp, **more: Any) -> Write:
    """One statement for each set of columns that some event changes."""
    changed = {"version": stamp.version, **more}
    names = tuple(changed)
    if names not in _UPDATES:
        columns = {n: sa.bindparam(f"new_{n}", type_=invoices.c[n].type) for n in names}
        where = invoices.c.invoice_id == sa.bindparam("id", type_=sa.Uuid)
        _UPDATES[names] = Statement(sa.update(invoices).where(where).values(columns))
    values = {f"new_{name}": value for name, value in changed.items()}
    return Write(_UPDATES[names], values | {"id": event.invoice_id}, _key(event))


def _key(event: InvoiceEvent) -> tuple[str, UUID]:
    return "invoices", event.invoice_id


def project(event: InvoiceEvent, stamp: Stamp) -> list[Write]:
    """One row an invoice."""
    match event:
        case facts.InvoiceDrafted():
            return [Write(_INSERT, _row(event, stamp), _key(event))]
        case facts.InvoiceFinalised():
            parties = {
                "seller": _PARTY.dump_python(event.seller, mode="json"),
                "customer": _PARTY.dump_python(event.customer, mode="json"),
            }
            times = {"issued_at": event.issued_at, "due_at": event.due_at}
            return [_mark(event, stamp, status="open", number=event.number, **parties, **times)]
        case facts.InvoicePaid():
            paid = {"payment_id": event.payment_id, "paid_at": event.paid_at}
            return [_mark(event, stamp, status="paid", **paid)]
        case facts.InvoiceVoided():
            why = {"void_reason": event.reason, "closed_at": event.voided_at}
            return [_mark(event, stamp, status="void", **why)]
        case facts.InvoiceUncollectible():
            return [_mark(event, stamp, status="uncollectible", closed_at=event.written_off_at)]
        case facts.InvoiceOverdue():
            return [_mark(event, stamp, overdue=True)]
        case _:
            return [_reversed(event, stamp)]


def _reversed(event: facts.ReversalEvent, stamp: Stamp) -> Write:
    """Refunds and credit notes have rows of their own, elsewhere."""
    match event:
        case facts.CreditNoteIssued():
            more = {"more": event.amount.amount, "new_version": stamp.version}
            return Write(_GIVE_BACK, more | {"id": event.invoice_id}, _key(event))
        case facts.InvoiceDisputed():
            return _mark(event, stamp, dispute="open")
        case facts.InvoiceDisputeWon():
            return _mark(event, stamp, dispute="won")
        case facts.InvoiceDisputeLost():
            return _mark(event, stamp, dispute="lost")
        case _:
            return _mark(event, stamp)


_GIVE_BACK = Statement(
    sa.update(invoices)
    .where(invoices.c.invoice_id == sa.bindparam("id", type_=sa.Uuid))
    .values(
        refunded=invoices.c.refunded + sa.bindparam("more", type_=sa.BigInteger),
        version=sa.bindparam("new_version", type_=sa.Integer),
    )
)


def _row(event: facts.InvoiceDrafted, stamp: Stamp) -> dict[str, Any]:
    return {
        **{c.name: None for c in invoices.c},
        "invoice_id": event.invoice_id,
        "account_id": event.account_id,
        "version": stamp.version,
        "kind": event.kind,
        "status": "draft",
        "subscription_id": event.subscription_id,
        "provider": event.provider,
        "lines": _LINES.dump_python(event.lines, mode="json"),
        "net": _MONEY.dump_python(event.net),
        "tax": _MONEY.dump_python(event.tax),
        "total": _MONEY.dump_python(event.total),
        "refunded": 0,
        "overdue": False,
        "drafted_at": event.drafted_at,
    }


INVOICES = ReadModel(InvoiceEvent, project, name="invoices", tables=(invoices,))


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice as it is read; `dispute` is open, won or lost where a bank wanted it back."""

    invoice_id: UUID
    account_id: UUID
    version: int
    kind: str
    status: str
    subscription_id: UUID | None
    provider: str
    lines: tuple[Line, ...]
    net: Money
    tax: Money
    total: Money
    refunded: int
    number: str | None
    seller: Party | None
    customer: Party | None
    payment_id: UUID | None
    overdue: bool
    dispute: str | None
    void_reason: str | None
    drafted_at: datetime
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None


_ROW = TypeAdapter(InvoiceRow)
_id = sa.bindparam("id", type_=sa.Uuid)
_BY_ID = Statement(sa.select(invoices).where(invoices.c.invoice_id == _id))
_who, _state = sa.bindparam("who", type_=sa.Uuid), sa.bindparam("state", type_=sa.Text)
_filter = (
    sa.or_(_who.is_(None), invoices.c.account_id == _who),
    sa.or_(_state.is_(None), invoices.c.status == _state),
)
_PAGE = Statement(
    sa.select(invoices)
    .where(*_filter)
    .order_by(invoices.c.drafted_at.desc(), invoices.c.invoice_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(invoices).where(*_filter))


async def invoice_by_id(database: Database, id: UUID) -> InvoiceRow | None:
    """The invoice."""
    row = await database.fetch_one(_BY_ID, id=id)
    return _ROW.validate_python(dict(row)) if row else None


async def invoices_page(
    database: Database, *, account: UUID | None, status: str | None, per_page: int, skip: int
) -> tuple[list[InvoiceRow], int]:
    """One page of invoices, newest first, and how many there are."""
    which = {"who": account, "state": status}
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, **which, per_page=per_page, skip=skip)
        found = await reader.fetch_one(_NUMBER, **which)
    assert found is not None
    return [_ROW.validate_python(dict(row)) for row in rows], found[0]
