"""HTTP for customers: their invoices, and ways to pay an open one."""

from typing import Annotated, Literal
from uuid import UUID

from common.command_handling import Answer
from common.event_store import Cause
from common.idempotency import RequestCause
from common.problems import NotFound
from common.service import Caller, Page, Paging, etag, not_modified
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from billing.charging import open_page
from billing.desk import desk_of
from billing.invoice_form import InvoiceOut, invoice_told
from billing.invoice_refunds import refunds_of
from billing.invoice_states import AlreadyPaid, InvoiceNotOpen
from billing.invoices.decider import INVOICE
from billing.invoices.read_model import InvoiceRow, invoice_by_id, invoices_page
from billing.paying import close_doors, start
from billing.payment_method_routes import WebAddress
from billing.plan_form import STRICT
from billing.resources import Billing, Service
from billing.steps import once
from billing.subscription_form import UNKEPT
from billing.transfers import TRANSFER

router = APIRouter(prefix="/api/v1/user/invoices", tags=["invoices"])

Status = Literal["draft", "open", "paid", "void", "uncollectible"]


class Pay(BaseModel, json_schema_extra={"examples": [{"payment_method": "stripe"}]}):
    """How to pay; unsaid, as it was ordered. The page leads back to the addresses, else to us."""

    model_config = STRICT

    payment_method: Annotated[str | None, Field(max_length=40)] = None
    success_url: WebAddress | None = None
    cancel_url: WebAddress | None = None


class PayOut(BaseModel):
    """Where to pay; no address where the money is to be transferred."""

    checkout_url: str | None
    invoice: InvoiceOut


@router.get("", response_model=Page[InvoiceOut])
@router.get("/", response_model=Page[InvoiceOut], include_in_schema=False)
async def list_invoices(
    caller: Caller,
    paging: Paging,
    service: Service,
    status: Annotated[Status | None, Query()] = None,
) -> Response:
    """The caller's invoices, newest first; credit notes stand on the single ones."""
    rows, total = await invoices_page(
        service.kernel.database,
        account=caller.account_id,
        status=status,
        per_page=paging.per_page,
        skip=paging.offset,
    )
    items = [invoice_told(row) for row in rows]
    return JSONResponse(paging.page_of(items, total), headers=UNKEPT)


@router.get("/{invoice_id}", response_model=InvoiceOut)
async def get_invoice(
    request: Request, invoice_id: UUID, caller: Caller, service: Service
) -> Response:
    """One of the caller's invoices."""
    row = await _own(service, invoice_id, caller.account_id)
    headers = {**headers_of(row), "Cache-Control": "private"}
    cached = not_modified(request, etag(row.version), headers)
    if cached is not None:
        return cached
    refunds = await refunds_of(service.kernel.database, invoice_id)
    return JSONResponse(invoice_told(row, refunds), headers=headers)


@router.post("/{invoice_id}/pay", response_model=PayOut)
async def pay_invoice(
    invoice_id: UUID, caller: Caller, cause: RequestCause, service: Service, body: Pay | None = None
) -> Response:
    """Open a page to pay. Pages that were opened before are closed first, so it is paid once."""

    async def work() -> Answer:
        row = await _own(service, invoice_id, caller.account_id)
        provider = (body and body.payment_method) or row.provider
        desk_of(service).methods.provider(provider)
        check_payable(row)
        await close_doors(desk_of(service), invoice_id, cause.now)
        check_payable(await _own(service, invoice_id, caller.account_id))
        url = await _open(service, row, provider, body or Pay(), cause)
        row = await _own(service, invoice_id, caller.account_id)
        return Answer(200, {"checkout_url": url, "invoice": invoice_told(row)}, headers_of(row))

    return await once(service.kernel.commands, cause, INVOICE.stream(invoice_id), work)


async def _open(
    service: Billing, row: InvoiceRow, provider: str, body: Pay, cause: Cause
) -> str | None:
    asked = (row.invoice_id, row.account_id, row.total)
    if provider == TRANSFER:
        await start(desk_of(service), asked, (provider, "transfer", None), cause.now)
        return None
    payment_id = await start(desk_of(service), asked, (provider, "page", None), cause.now)
    page = await open_page(
        desk_of(service),
        payment_id,
        cause.now,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
    )
    return page.url


def check_payable(row: InvoiceRow) -> None:
    """Raises `AlreadyPaid`, `InvoiceNotOpen`."""
    if row.status == "paid":
        raise AlreadyPaid
    if row.status != "open":
        raise InvoiceNotOpen


async def _own(service: Billing, id: UUID, account_id: UUID) -> InvoiceRow:
    row = await invoice_by_id(service.kernel.database, id)
    if row is None or row.account_id != account_id:
        raise NotFound
    return row


def headers_of(row: InvoiceRow) -> dict[str, str]:
    """Its version, and what a cache must drop when it changes."""
    tags = f"invoice/{row.invoice_id}, user/{row.account_id}"
    return {**UNKEPT, "ETag": etag(row.version), "Cache-Tags": tags}
