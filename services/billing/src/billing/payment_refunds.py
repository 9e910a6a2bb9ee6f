"""Held money on its way back, to read: what was asked for, and what has become of it."""

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

from billing.payments.events import (
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentRefundSent,
)

_AT = sa.DateTime(timezone=True)
refunds = sa.Table(
    "payment_refunds",
    sa.MetaData(),
    sa.Column("refund_id", sa.Uuid, primary_key=True),
    sa.Column("payment_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("amount", JSONB, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("requested_at", _AT, nullable=False),
    sa.Column("settled_at", _AT),
    sa.Index("payment_refunds_by_payment", "payment_id"),
    sa.Index("payment_refunds_by_status", "status", "requested_at"),
)
_MONEY = TypeAdapter(Money)
_id = sa.bindparam("id", type_=sa.Uuid)
_INSERT = Statement(
    insert(refunds).values({c.name: sa.bindparam(c.name, type_=c.type) for c in refunds.c})
)


def _updating(*names: str) -> Statement:
    changed = {n: sa.bindparam(f"new_{n}", type_=refunds.c[n].type) for n in names}
    return Statement(sa.update(refunds).where(refunds.c.refund_id == _id).values(changed))


_SENT, _SETTLED = _updating("status", "reference"), _updating("status", "settled_at")
_Refunding = PaymentRefundRequested | PaymentRefundSent | PaymentRefundFailed | PaymentRefunded


def project(event: _Refunding, _: Stamp) -> list[Write]:
    """One row a refund."""
    id = event.refund_id
    match event:
        case PaymentRefundRequested():
            statement, values = _INSERT, _row(event)
        case PaymentRefundSent():
            statement = _SENT
            values = {"id": id, "new_status": "sent", "new_reference": event.reference}
        case PaymentRefundFailed():
            statement = _SETTLED
            values = {"id": id, "new_status": "failed", "new_settled_at": event.failed_at}
        case PaymentRefunded():
            statement = _SETTLED
            values = {"id": id, "new_status": "done", "new_settled_at": event.refunded_at}
        case _:
            assert_never(event)
    return [Write(statement, values, ("payment_refunds", id))]


def _row(event: PaymentRefundRequested) -> Mapping[str, Any]:
    return {
        "refund_id": event.refund_id,
        "payment_id": event.payment_id,
        "status": "requested",
        "amount": _MONEY.dump_python(event.amount),
        "reason": event.reason,
        "reference": None,
        "requested_at": event.requested_at,
        "settled_at": None,
    }


PAYMENT_REFUNDS = ReadModel(_Refunding, project, name="payment_refunds", tables=(refunds,))


@dataclass(frozen=True)
class PaymentRefundRow:
    """One refund as it is read."""

    refund_id: UUID
    payment_id: UUID
    status: str
    amount: Money
    reason: str
    reference: str | None
    requested_at: datetime
    settled_at: datetime | None


_ROW = TypeAdapter(PaymentRefundRow)
_OF_PAYMENT = Statement(
    sa.select(refunds).where(refunds.c.payment_id == _id).order_by(refunds.c.requested_at)
)
_UNSETTLED = Statement(
    sa.select(refunds)
    .where(refunds.c.status.in_(["requested", "sent"]))
    .order_by(refunds.c.requested_at)
    .limit(sa.literal(100))
)


async def refunds_of_payment(database: Database, payment_id: UUID) -> Sequence[PaymentRefundRow]:
    """What of the payment went back without an invoice, or is to, oldest first."""
    rows = await database.fetch(_OF_PAYMENT, id=payment_id)
    return [_ROW.validate_python(dict(row)) for row in rows]


async def payment_refunds_unsettled(database: Database) -> Sequence[PaymentRefundRow]:
    """Those that are asked for and have not ended, oldest first."""
    return [_ROW.validate_python(dict(row)) for row in await database.fetch(_UNSETTLED)]
