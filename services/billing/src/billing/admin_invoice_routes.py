"""HTTP for administrators: everybody's invoices, and what only they may do with one."""

from typing import Annotated
from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import KeyedCause, RequestCause
from common.money import Money
from common.problems import NotFound
from common.service import Admin, IfMatch, Page, Paging
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, StrictInt
from starlette.responses import JSONResponse, Response

from billing.copying import copy_invoice
from billing.desk import desk_of
from billing.ending import void
from billing.invoice_form import AnyInvoiceOut, any_invoice_told
from billing.invoice_refunds import refunds_of
from billing.invoice_routes import Status, check_payable, headers_of
from billing.invoices.decider import INVOICE
from billing.invoices.read_model import InvoiceRow, invoice_by_id, invoices_page
from billing.paying import close_doors, pay_by_hand
from billing.plan_form import STRICT, Reason
from billing.refunding import refund
from billing.resources import Billing, Service
from billing.steps import id_of, once
from billing.subscription_form import UNKEPT
from billing.subscriptions.commands import EndSubscription, WithdrawOrder
from billing.subscriptions.decider import SUBSCRIPTION
from billing.units import own_cause

router = APIRouter(prefix="/api/v1/admin/invoices", tags=["administration"])


class MarkPaid(BaseModel, json_schema_extra={"examples": [{"payment_reference": "Line 7"}]}):
    """What says that the money came: a statement's reference, say."""

    model_config = STRICT

    payment_reference: Reason = "MANUAL"


class VoidIt(BaseModel, json_schema_extra={"examples": [{"reason": "Ordered twice"}]}):
    """Why."""

    model_config = STRICT

    reason: Reason = "voided_by_an_administrator"


class RefundIt(BaseModel, json_schema_extra={"examples": [{"amount": 500}]}):
    """How much, in minor units of the invoice's currency; unsaid: all that is left. And why."""

    model_config = STRICT

    amount: Annotated[StrictInt, Field(gt=0, lt=10**15)] | None = None
    reason: Reason = "requested_by_customer"


@router.get("", response_model=Page[AnyInvoiceOut])
async def list_all_invoices(
    admin: Admin,
    paging: Paging,
    service: Service,
    status: Annotated[Status | None, Query()] = None,
    user_id: Annotated[UUID | None, Query()] = None,
) -> Response:
    """Everybody's invoices, newest first."""
    rows, total = await invoices_page(
        service.kernel.database,
        account=user_id,
        status=status,
        per_page=paging.per_page,
        skip=paging.offset,
    )
    items = [any_invoice_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/{invoice_id}", response_model=AnyInvoiceOut)
async def get_any_invoice(invoice_id: UUID, admin: Admin, service: Service) -> Response:
    """Somebody's invoice with its credit notes."""
    answer = await _told(service, invoice_id)
    return JSONResponse(answer.body, headers=dict(answer.headers))


@router.post("/{invoice_id}/mark-paid", response_model=AnyInvoiceOut)
async def mark_invoice_paid(
    invoice_id: UUID,
    admin: Admin,
    cause: RequestCause,
    service: Service,
    body: MarkPaid | None = None,
) -> Response:
    """The money was seen: what was ordered begins. Pages that are open are closed first."""

    async def work() -> Answer:
        row = await _any(service, invoice_id)
        check_payable(row)
        asked = (row.invoice_id, row.account_id, row.total)
        reference = (body or MarkPaid()).payment_reference
        await pay_by_hand(desk_of(service), asked, reference, cause.now)
        return await _told(service, invoice_id)

    return await once(service.kernel.commands, cause, INVOICE.stream(invoice_id), work)


@router.post("/{invoice_id}/void", response_model=AnyInvoiceOut)
async def void_invoice(
    invoice_id: UUID,
    admin: Admin,
    cause: RequestCause,
    service: Service,
    body: VoidIt | None = None,
) -> Response:
    """Nothing is to be paid any more, and what was ordered does not begin, or ends."""

    async def work() -> Answer:
        row = await _any(service, invoice_id)
        if row.status != "void":
            check_payable(row)
            await close_doors(desk_of(service), invoice_id, cause.now)
            reason = (body or VoidIt()).reason
            if not await void(desk_of(service), invoice_id, reason, cause.now):
                check_payable(await _any(service, invoice_id))
        if row.subscription_id is not None:
            await _without(service, row, row.subscription_id, cause)
        return await _told(service, invoice_id)

    return await once(service.kernel.commands, cause, INVOICE.stream(invoice_id), work)


async def _without(service: Billing, row: InvoiceRow, id: UUID, cause: Cause) -> None:
    """What becomes of a subscription whose invoice is void."""
    own = own_cause(cause.now, actor=cause.actor)
    command: EndSubscription | WithdrawOrder = EndSubscription("voided", cause.now)
    if row.kind in ("upgrade", "resumption"):
        command = WithdrawOrder(row.invoice_id, cause.now)
    await service.kernel.commands.handle(SUBSCRIPTION, id, command, own)


@router.post("/{invoice_id}/refund", response_model=AnyInvoiceOut)
async def refund_invoice(
    invoice_id: UUID,
    admin: Admin,
    cause: KeyedCause,
    if_match: IfMatch,
    service: Service,
    body: RefundIt | None = None,
) -> Response:
    """Give back some or all of it; a credit note says so once the money went."""

    async def work() -> Answer:
        row, wanted = await _any(service, invoice_id), body or RefundIt()
        amount = Money(wanted.amount, row.total.currency) if wanted.amount else None
        order = (id_of(cause, "refund"), amount, wanted.reason)
        await refund(desk_of(service), invoice_id, order, cause, expected=if_match)
        return await _told(service, invoice_id)

    return await once(service.kernel.commands, cause, INVOICE.stream(invoice_id), work)


@router.post("/{invoice_id}/duplicate", status_code=201, response_model=AnyInvoiceOut)
async def duplicate_invoice(
    invoice_id: UUID, admin: Admin, cause: RequestCause, service: Service
) -> Response:
    """Issue an invoice that says the same, to be paid by hand or on a page; nothing begins by its
    payment, for that belongs to the first one."""
    row = await _any(service, invoice_id)
    id = id_of(cause, "copy")

    async def work() -> Answer:
        await copy_invoice(desk_of(service), row, id, cause)
        copy = await _any(service, id)
        headers = {**headers_of(copy), "Location": f"/api/v1/admin/invoices/{id}"}
        return Answer(201, any_invoice_told(copy), headers)

    return await once(service.kernel.commands, cause, INVOICE.stream(id), work)


async def _any(service: Billing, id: UUID) -> InvoiceRow:
    row = await invoice_by_id(service.kernel.database, id)
    if row is None:
        raise NotFound
    return row


async def _told(service: Billing, id: UUID) -> Answer:
    row = await _any(service, id)
    refunds = await refunds_of(service.kernel.database, id)
    return Answer(200, any_invoice_told(row, refunds), headers_of(row))
