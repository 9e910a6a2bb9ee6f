"""HTTP for administrators who look at payments: what is held, what banks dispute; and decide."""

from typing import Annotated, Literal
from uuid import UUID

from common.command_handling import Answer
from common.idempotency import KeyedCause, RequestCause
from common.problems import NotFound
from common.service import Admin, Page, Paging, etag
from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from billing.desk import desk_of
from billing.holding import accept, give_back, note_transfer
from billing.payment_form import (
    PaidBack,
    PaymentDetailOut,
    PaymentOut,
    payment_detail,
    payment_told,
)
from billing.payment_refunds import refunds_of_payment
from billing.payments.decider import PAYMENT
from billing.payments.read_model import PaymentRow, payment_by_id, payments_page
from billing.plan_form import STRICT, Reason
from billing.resources import Billing, Service
from billing.steps import once
from billing.subscription_form import UNKEPT

router = APIRouter(prefix="/api/v1/admin/payments", tags=["administration"])

_Open = Literal["started", "pending", "unknown"]
_Ended = Literal["succeeded", "held", "refunded", "declined", "not_attempted"]
Status = _Open | _Ended


class RefundHeldMoney(BaseModel, json_schema_extra={"examples": [{"reason": "duplicate"}]}):
    """Why."""

    model_config = STRICT

    reason: Reason = "requested_by_customer"


@router.get("", response_model=Page[PaymentOut])
async def list_payments(
    _: Admin,
    paging: Paging,
    service: Service,
    status: Annotated[Status | None, Query()] = None,
    dispute: Annotated[Literal["open", "won", "lost"] | None, Query()] = None,
    user_id: Annotated[UUID | None, Query()] = None,
    invoice_id: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Everybody's payments, newest first. `status=held` are those that wait for a decision, also
    paid ones of which too much came in and could not be given back."""
    held = status == "held"
    which = {
        "state": None if held else status,
        "waiting": held,
        "disputed": dispute,
        "who": user_id,
        "invoice": invoice_id,
    }
    rows, total = await payments_page(
        service.kernel.database, which, per_page=paging.per_page, skip=paging.offset
    )
    items = [payment_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/{payment_id}", response_model=PaymentDetailOut)
async def get_payment(payment_id: UUID, _: Admin, service: Service) -> Response:
    """One payment, and what of it went back without an invoice."""
    answer = await _told(service, payment_id)
    return JSONResponse(answer.body, headers=dict(answer.headers))


@router.post("/{payment_id}/release", response_model=PaymentDetailOut)
async def release_payment(
    payment_id: UUID, _: Admin, cause: RequestCause, service: Service
) -> Response:
    """Take held money for its invoice, if that is open and the money covers it: what was ordered
    begins. What is more than was due goes back."""

    async def work() -> Answer:
        await accept(desk_of(service), payment_id, cause)
        return await _told(service, payment_id)

    return await once(service.kernel.commands, cause, PAYMENT.stream(payment_id), work)


@router.post("/{payment_id}/refund", response_model=PaymentDetailOut)
async def refund_payment(
    payment_id: UUID,
    _: Admin,
    cause: KeyedCause,
    service: Service,
    body: RefundHeldMoney | None = None,
) -> Response:
    """Give back all that is held of a payment. What paid an invoice is refunded there instead."""

    async def work() -> Answer:
        await give_back(desk_of(service), payment_id, (body or RefundHeldMoney()).reason, cause)
        return await _told(service, payment_id)

    return await once(service.kernel.commands, cause, PAYMENT.stream(payment_id), work)


@router.post("/{payment_id}/paid-back", response_model=PaymentDetailOut)
async def note_that_held_money_was_transferred(
    payment_id: UUID, body: PaidBack, _: Admin, cause: KeyedCause, service: Service
) -> Response:
    """What is held of a payment was transferred to the customer by hand: no provider is asked. For
    a refund that cannot arrive, because the card is gone, say."""

    async def work() -> Answer:
        await note_transfer(desk_of(service), payment_id, body.transfer, cause)
        return await _told(service, payment_id)

    return await once(service.kernel.commands, cause, PAYMENT.stream(payment_id), work)


async def _told(service: Billing, id: UUID) -> Answer:
    row = await payment_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    refunds = await refunds_of_payment(service.kernel.database, id)
    return Answer(200, payment_detail(row, refunds), _headers(row))


def _headers(row: PaymentRow) -> dict[str, str]:
    tags = f"invoice/{row.invoice_id}, user/{row.account_id}"
    return {**UNKEPT, "ETag": etag(row.version), "Cache-Tags": tags}
