"""HTTP for administrators who look after refunds: which came back, and how they are settled."""

from typing import Annotated, Literal
from uuid import UUID

from common.command_handling import Answer
from common.idempotency import KeyedCause
from common.problems import NotFound
from common.service import Admin, Page, Paging
from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from billing.desk import desk_of
from billing.invoice_form import RefundOut, refund_told
from billing.invoice_refunds import RefundRow, refund_by_id, refunds_page
from billing.invoices.decider import INVOICE
from billing.payment_form import PaidBack
from billing.refunding import note_transfer, retry
from billing.resources import Billing, Service
from billing.steps import once
from billing.subscription_form import UNKEPT

router = APIRouter(prefix="/api/v1/admin/refunds", tags=["administration"])

Status = Literal["requested", "sent", "done", "failed", "returned"]


@router.get("", response_model=Page[RefundOut])
async def list_refunds(
    _: Admin,
    paging: Paging,
    service: Service,
    status: Annotated[Status | None, Query()] = None,
) -> Response:
    """Everybody's refunds of invoices, newest first. `status=returned` are those that their banks
    sent back: the money is here, and owed."""
    rows, total = await refunds_page(
        service.kernel.database, status=status, per_page=paging.per_page, skip=paging.offset
    )
    items = [refund_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.post("/{refund_id}/retry", response_model=RefundOut)
async def retry_refund(refund_id: UUID, _: Admin, cause: KeyedCause, service: Service) -> Response:
    """Let the provider give back once more what was returned; the credit note stays the one there
    is."""
    row = await _row(service, refund_id)

    async def work() -> Answer:
        await retry(desk_of(service), row, cause)
        return await _told(service, refund_id)

    return await once(service.kernel.commands, cause, INVOICE.stream(row.invoice_id), work)


@router.post("/{refund_id}/paid-back", response_model=RefundOut)
async def note_that_a_refund_was_transferred(
    refund_id: UUID, body: PaidBack, _: Admin, cause: KeyedCause, service: Service
) -> Response:
    """What was returned was transferred to the customer by hand: nothing is owed any more."""
    row = await _row(service, refund_id)

    async def work() -> Answer:
        await note_transfer(desk_of(service), row, body.transfer, cause)
        return await _told(service, refund_id)

    return await once(service.kernel.commands, cause, INVOICE.stream(row.invoice_id), work)


async def _row(service: Billing, id: UUID) -> RefundRow:
    row = await refund_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    return row


async def _told(service: Billing, id: UUID) -> Answer:
    row = await _row(service, id)
    return Answer(200, refund_told(row), {**UNKEPT, "Cache-Tags": f"invoice/{row.invoice_id}"})
