"""Invoices and credit notes to read, as they were made: nothing is looked up to show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
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
_metadata = sa.MetaData()
invoices = sa.Table(
    "invoices",
    _metadata,
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
refunds = sa.Table(
    "invoice_refunds",
    _metadata,
    sa.Column("refund_id", sa.Uuid, primary_key=True),
    sa.Column("invoice_id", sa.Uuid, nullable=False),
    sa.Column("payment_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", JSONB, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("number", sa.Text),
    sa.Column("requested_at", _AT, nullable=False),
    sa.Column("settled_at", _AT),
    sa.Index("invoice_refunds_by_invoice", "invoice_id"),
    sa.Index("invoice_refunds_by_status", "status", "requested_at"),
)
_UPDATES: dict[tuple[str, ...], Statement] = {}
_LINES = TypeAdapter(tuple[Line, ...])
_PARTY = TypeAdapter(Party)
_MONEY = TypeAdapter(Money)


def _all(table: sa.Table) -> Statement:
    return Statement(
        insert(table).values({c.name: sa.bindparam(c.name, type_=c.type) for c in table.c})
    )


_INSERT, _INSERT_REFUND = _all(invoices), _all(refunds)


def _update(table: sa.Table, key: sa.Column[UUID], changed: Mapping[str, Any], id: UUID) -> Write:
    """One statement for each table and set of columns that some event changes."""
    names = (table.name, *changed)
    if names not in _UPDATES:
        columns = {n: sa.bindparam(f"new_{n}", type_=table.c[n].type) for n in changed}
        where = key == sa.bindparam("id", type_=sa.Uuid)
        _UPDATES[names] = Statement(sa.update(table).where(where).values(columns))
    values = {f"new_{name}": value for name, value in changed.items()}
    return Write(_UPDATES[names], values | {"id": id}, (table.name, id))


def _mark(event: InvoiceEvent, stamp: Stamp, **changed: Any) -> Write:
    changed = {"version": stamp.version, **changed}
    return _update(invoices, invoices.c.invoice_id, changed, event.invoice_id)


def project(event: InvoiceEvent, stamp: Stamp) -> list[Write]:
    """One row an invoice, one a refund."""
    match event:
        case facts.InvoiceDrafted():
            return [Write(_INSERT, _row(event, stamp), ("invoices", event.invoice_id))]
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
            return _refund(event, stamp)


_Refunding = facts.RefundRequested | facts.RefundSent | facts.RefundFailed | facts.CreditNoteIssued


def _refund(event: _Refunding, stamp: Stamp) -> list[Write]:
    id = event.refund_id
    match event:
        case facts.RefundRequested():
            row = Write(_INSERT_REFUND, _refund_row(event), ("invoice_refunds", id))
            return [_mark(event, stamp), row]
        case facts.RefundSent():
            changed: Mapping[str, Any] = {"status": "sent", "reference": event.reference}
        case facts.RefundFailed():
            changed = {"status": "failed", "settled_at": event.failed_at}
        case facts.CreditNoteIssued():
            changed = {"status": "done", "number": event.number, "settled_at": event.issued_at}
            given = Write(
                _GIVE_BACK,
                {"id": event.invoice_id, "more": event.amount.amount, "new_version": stamp.version},
                ("invoices", event.invoice_id),
            )
            return [given, _update(refunds, refunds.c.refund_id, changed, id)]
        case _:
            assert_never(event)
    return [_mark(event, stamp), _update(refunds, refunds.c.refund_id, changed, id)]


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


def _refund_row(event: facts.RefundRequested) -> dict[str, Any]:
    return {
        "refund_id": event.refund_id,
        "invoice_id": event.invoice_id,
        "payment_id": event.payment_id,
        "status": "requested",
        "amount": _MONEY.dump_python(event.amount),
        "reason": event.reason,
        "reference": None,
        "number": None,
        "requested_at": event.requested_at,
        "settled_at": None,
    }


INVOICES = ReadModel(InvoiceEvent, project, name="invoices", tables=(invoices, refunds))


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice as it is read."""

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
    void_reason: str | None
    drafted_at: datetime
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True)
class RefundRow:
    """One refund as it is read; `number` is its credit note's."""

    refund_id: UUID
    invoice_id: UUID
    payment_id: UUID
    status: str
    amount: Money
    reason: str
    reference: str | None
    number: str | None
    requested_at: datetime
    settled_at: datetime | None


_ROW = TypeAdapter(InvoiceRow)
_REFUND = TypeAdapter(RefundRow)
_id = sa.bindparam("id", type_=sa.Uuid)
_BY_ID = Statement(sa.select(invoices).where(invoices.c.invoice_id == _id))
_REFUNDS = Statement(
    sa.select(refunds).where(refunds.c.invoice_id == _id).order_by(refunds.c.requested_at)
)
_UNSETTLED = Statement(
    sa.select(refunds)
    .where(refunds.c.status.in_(["requested", "sent"]))
    .order_by(refunds.c.requested_at)
    .limit(sa.literal(100))
)
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


async def refunds_of(database: Database, invoice_id: UUID) -> Sequence[RefundRow]:
    """What of the invoice went back, or is to, oldest first."""
    rows = await database.fetch(_REFUNDS, id=invoice_id)
    return [_REFUND.validate_python(dict(row)) for row in rows]


async def refunds_unsettled(database: Database) -> Sequence[RefundRow]:
    """Refunds that are asked for and have not ended, oldest first."""
    return [_REFUND.validate_python(dict(row)) for row in await database.fetch(_UNSETTLED)]


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
