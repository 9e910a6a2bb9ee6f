"""Credit notes to read, and the refunds that are on their way to become one."""

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

from billing.invoices.events import CreditNoteIssued, RefundFailed, RefundRequested, RefundSent

_AT = sa.DateTime(timezone=True)
refunds = sa.Table(
    "invoice_refunds",
    sa.MetaData(),
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
_MONEY = TypeAdapter(Money)
_id = sa.bindparam("id", type_=sa.Uuid)
_INSERT = Statement(
    insert(refunds).values({c.name: sa.bindparam(c.name, type_=c.type) for c in refunds.c})
)


def _updating(*names: str) -> Statement:
    changed = {n: sa.bindparam(f"new_{n}", type_=refunds.c[n].type) for n in names}
    return Statement(sa.update(refunds).where(refunds.c.refund_id == _id).values(changed))


_SENT = _updating("status", "reference")
_SETTLED = _updating("status", "number", "settled_at")
_Refunding = RefundRequested | RefundSent | RefundFailed | CreditNoteIssued


def project(event: _Refunding, _: Stamp) -> list[Write]:
    """One row a refund."""
    id = event.refund_id
    match event:
        case RefundRequested():
            return [Write(_INSERT, _row(event), ("invoice_refunds", id))]
        case RefundSent():
            sent = {"id": id, "new_status": "sent", "new_reference": event.reference}
            return [Write(_SENT, sent, ("invoice_refunds", id))]
        case RefundFailed():
            return [_settled(id, "failed", None, event.failed_at)]
        case CreditNoteIssued():
            return [_settled(id, "done", event.number, event.issued_at)]
        case _:
            assert_never(event)


def _settled(id: UUID, status: str, number: str | None, at: datetime) -> Write:
    values = {"id": id, "new_status": status, "new_number": number, "new_settled_at": at}
    return Write(_SETTLED, values, ("invoice_refunds", id))


def _row(event: RefundRequested) -> Mapping[str, Any]:
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


INVOICE_REFUNDS = ReadModel(_Refunding, project, name="invoice_refunds", tables=(refunds,))


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


_ROW = TypeAdapter(RefundRow)
_OF_INVOICE = Statement(
    sa.select(refunds).where(refunds.c.invoice_id == _id).order_by(refunds.c.requested_at)
)
_BY_ID = Statement(sa.select(refunds).where(refunds.c.refund_id == _id))
_UNSETTLED = Statement(
    sa.select(refunds)
    .where(refunds.c.status.in_(["requested", "sent"]))
    .order_by(refunds.c.requested_at)
    .limit(sa.literal(100))
)


async def refunds_of(database: Database, invoice_id: UUID) -> Sequence[RefundRow]:
    """What of the invoice went back, or is to, oldest first."""
    rows = await database.fetch(_OF_INVOICE, id=invoice_id)
    return [_ROW.validate_python(dict(row)) for row in rows]


async def refund_by_id(database: Database, refund_id: UUID) -> RefundRow | None:
    """The refund."""
    row = await database.fetch_one(_BY_ID, id=refund_id)
    return _ROW.validate_python(dict(row)) if row else None


async def refunds_unsettled(database: Database) -> Sequence[RefundRow]:
    """Refunds that are asked for and have not ended, oldest first."""
    return [_ROW.validate_python(dict(row)) for row in await database.fetch(_UNSETTLED)]
