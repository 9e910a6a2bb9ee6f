"""How an invoice is told to its owner and to administrators: as it was made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.money import Money
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from billing.documents import Party
from billing.invoice_arithmetic import Sums, sums_of
from billing.invoice_refunds import RefundRow
from billing.invoices.read_model import InvoiceRow


class LineOut(BaseModel):
    """A line: `amount` in the price's own terms, `total` with its share of the tax."""

    id: UUID
    text: str
    amount: Money
    total: Money
    tax: str
    tax_basis_points: int
    starts_at: datetime | None
    ends_at: datetime | None


class TaxOut(BaseModel):
    """What one rate comes to; `note` is what the law wants said."""

    country: str
    basis_points: int
    included: bool
    base: Money
    amount: Money
    note: str | None


class CreditNoteOut(BaseModel):
    """Money that goes back. `status`: requested, sent, done (it went), failed (it did not) and
    returned (it went, and the customer's bank sent it here again). `number` once it went;
    `transfer` names how it was paid back by hand after it was returned."""

    id: UUID
    number: str | None
    status: str
    amount: Money
    reason: str
    requested_at: datetime
    settled_at: datetime | None
    returned_at: datetime | None
    transfer: str | None


class InvoiceOut(BaseModel):
    """An invoice. `status`: draft, open, paid, void, uncollectible. `dispute`: open, won or lost,
    where the customer's bank wanted the money back."""

    id: UUID
    number: str | None
    kind: str
    status: str
    overdue: bool
    dispute: str | None
    subscription_id: UUID | None
    payment_method: str
    lines: list[LineOut]
    taxes: list[TaxOut]
    net: Money
    tax: Money
    total: Money
    refunded: Money
    seller: Party | None
    customer: Party | None
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    credit_notes: list[CreditNoteOut]


class AnyInvoiceOut(InvoiceOut):
    """Somebody's invoice."""

    user_id: UUID


def invoice_told(row: InvoiceRow, refunds: Sequence[RefundRow] = ()) -> dict[str, Any]:
    """The invoice as JSON-ready values."""
    sums = sums_of(row.lines)
    told = {
        "id": row.invoice_id,
        "number": row.number,
        "kind": row.kind,
        "status": row.status,
        "overdue": row.overdue,
        "dispute": row.dispute,
        "subscription_id": row.subscription_id,
        "payment_method": row.provider,
        "lines": _lines(row, sums),
        "taxes": _taxes(sums),
        "net": row.net,
        "tax": row.tax,
        "total": row.total,
        "refunded": Money(row.refunded, row.total.currency),
        "seller": row.seller,
        "customer": row.customer,
        "issued_at": row.issued_at,
        "due_at": row.due_at,
        "paid_at": row.paid_at,
        "closed_at": row.closed_at,
        "credit_notes": [_refund(one) for one in refunds],
    }
    jsonable: dict[str, Any] = to_jsonable_python(told)
    return jsonable


def _lines(row: InvoiceRow, sums: Sums) -> list[dict[str, Any]]:
    return [
        {
            "id": line.line_id,
            "text": line.text,
            "amount": line.amount,
            "total": total,
            "tax": line.behaviour,
            "tax_basis_points": line.rate.basis_points,
            "starts_at": line.starts_at,
            "ends_at": line.ends_at,
        }
        for line, total in zip(row.lines, sums.line_totals, strict=True)
    ]


def _taxes(sums: Sums) -> list[dict[str, Any]]:
    return [
        {
            "country": one.rate.country,
            "basis_points": one.rate.basis_points,
            "included": one.behaviour == "inclusive",
            "base": one.base,
            "amount": one.tax,
            "note": one.rate.note,
        }
        for one in sums.taxes
    ]


def any_invoice_told(row: InvoiceRow, refunds: Sequence[RefundRow] = ()) -> dict[str, Any]:
    """The same with whose it is."""
    return {**invoice_told(row, refunds), "user_id": str(row.account_id)}


class RefundOut(CreditNoteOut):
    """The same with what it gives back, and the provider's name for it."""

    invoice_id: UUID
    payment_id: UUID
    reference: str | None


def refund_told(row: RefundRow) -> dict[str, Any]:
    """A refund as JSON-ready values."""
    what = {"invoice_id": row.invoice_id, "payment_id": row.payment_id}
    told = {**_refund(row), **what, "reference": row.reference}
    jsonable: dict[str, Any] = to_jsonable_python(told)
    return jsonable


def _refund(row: RefundRow) -> dict[str, Any]:
    return {
        "id": row.refund_id,
        "number": row.number,
        "status": row.status,
        "amount": row.amount,
        "reason": row.reason,
        "requested_at": row.requested_at,
        "settled_at": row.settled_at,
        "returned_at": row.returned_at,
        "transfer": row.transfer,
    }
