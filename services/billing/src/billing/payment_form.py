"""How a payment is told to administrators: what came in, and what is to be decided about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.money import Money
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from billing.payment_refunds import PaymentRefundRow
from billing.payments.read_model import PaymentRow
from billing.plan_form import STRICT, Reason


class PaidBack(BaseModel, json_schema_extra={"examples": [{"transfer": "Statement 12, line 7"}]}):
    """What names the transfer: a statement's line, say."""

    model_config = STRICT

    transfer: Reason


class PaymentRefundOut(BaseModel):
    """Held money that goes back. `status`: requested, sent, done, failed."""

    id: UUID
    status: str
    amount: Money
    reason: str
    requested_at: datetime
    settled_at: datetime | None


class PaymentOut(BaseModel):
    """An attempt to pay an invoice. `status`: started, pending, unknown, succeeded, held, refunded,
    declined, not_attempted. `held` is what waits for a decision, `code` why, or why it failed;
    `dispute` is open, won or lost where the customer's bank wanted the money back."""

    id: UUID
    invoice_id: UUID
    user_id: UUID
    attempt: int
    payment_method: str
    means: str
    status: str
    amount: Money
    captured: Money | None
    held: Money
    code: str | None
    dispute: str | None
    reference: str | None
    started_at: datetime
    settled_at: datetime | None


class PaymentDetailOut(PaymentOut):
    """The same with what of it went back without an invoice."""

    refunds: list[PaymentRefundOut]


def payment_told(row: PaymentRow) -> dict[str, Any]:
    """The payment as JSON-ready values."""
    told = {
        "id": row.payment_id,
        "invoice_id": row.invoice_id,
        "user_id": row.account_id,
        "attempt": row.attempt,
        "payment_method": row.provider,
        "means": row.means,
        "status": row.status,
        "amount": row.amount,
        "captured": row.captured,
        "held": Money(row.held, (row.captured or row.amount).currency),
        "code": row.code,
        "dispute": row.dispute,
        "reference": row.reference,
        "started_at": row.started_at,
        "settled_at": row.settled_at,
    }
    jsonable: dict[str, Any] = to_jsonable_python(told)
    return jsonable


def payment_detail(row: PaymentRow, refunds: Sequence[PaymentRefundRow]) -> dict[str, Any]:
    """The same with its refunds."""
    told = [
        {
            "id": one.refund_id,
            "status": one.status,
            "amount": one.amount,
            "reason": one.reason,
            "requested_at": one.requested_at,
            "settled_at": one.settled_at,
        }
        for one in refunds
    ]
    return {**payment_told(row), "refunds": to_jsonable_python(told)}
