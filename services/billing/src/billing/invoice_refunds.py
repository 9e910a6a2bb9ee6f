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

from billing.invoices.events import (
    CreditNoteIssued,
    RefundFailed,
    RefundPaidBack,
    RefundRequested,
    RefundRetried,
    RefundReturned,
    RefundSent,
)

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
    sa.Column("returned_at", _AT),
    sa.Column("transfer", sa.Text),
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
_RETURNED = _updating("status", "returned_at")
_RETRIED = _updating("status", "reference", "settled_at")
_PAID_BACK = _updating("status", "settled_at", "transfer")
_Going = RefundRequested | RefundSent | RefundFailed | CreditNoteIssued
_ComingBack = RefundReturned | RefundRetried | RefundPaidBack
_Refunding = _Going | _ComingBack


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
            return [_coming_back(event)]


def _coming_back(event: _ComingBack) -> Write:
    key, who = ("invoice_refunds", event.refund_id), {"id": event.refund_id}
    match event:
        case RefundReturned():
            back = {"new_status": "returned", "new_returned_at": event.returned_at}
            return Write(_RETURNED, who | back, key)
        case RefundRetried():
            again = {"new_status": "requested", "new_reference": None, "new_settled_at": None}
            return Write(_RETRIED, who | again, key)
        case RefundPaidBack():
            transfer = event.reference if event.means == "transfer" else None
            done = {"new_status": "done", "new_settled_at": event.paid_back_at}
            return Write(_PAID_BACK, who | done | {"new_transfer": transfer}, key)
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
        **dict.fromkeys(("settled_at", "returned_at", "transfer")),
    }


INVOICE_REFUNDS = ReadModel(_Refunding, project, name="invoice_refunds", tables=(refunds,))


@dataclass(frozen=True)
class RefundRow:
    """One refund as it is read; `number` is its credit note's, `transfer` names how it was paid
    back by hand after it was returned."""

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
    returned_at: datetime | None
    transfer: str | None


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
_state = sa.bindparam("state", type_=sa.Text)
_which = sa.or_(_state.is_(None), refunds.c.status == _state)
_PAGE = Statement(
    sa.select(refunds)
    .where(_which)
    .order_by(refunds.c.requested_at.desc(), refunds.c.refund_id.desc())
    .limit(sa.bindparam("per_page", type_=sa.Integer))
    .offset(sa.bindparam("skip", type_=sa.Integer))
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(refunds).where(_which))


async def refunds_page(
    database: Database, *, status: str | None, per_page: int, skip: int
) -> tuple[list[RefundRow], int]:
    """One page of refunds, newest first, and how many there are."""
    async with database.reader() as reader:
        rows = await reader.fetch(_PAGE, state=status, per_page=per_page, skip=skip)
        found = await reader.fetch_one(_NUMBER, state=status)
    assert found is not None
    return [_ROW.validate_python(dict(row)) for row in rows], found[0]


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
