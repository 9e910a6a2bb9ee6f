"""HTTP for a customer's saved ways to pay: list, save on a provider's page, choose, remove."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from common.command_handling import Answer
from common.idempotency import RequestCause, answer_of
from common.problems import NotFound
from common.service import Caller, Page, Paging
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError, to_jsonable_python
from starlette.responses import JSONResponse, Response

from billing.customers.commands import OpenMethodPage, RemovePaymentMethod, SetDefaultPaymentMethod
from billing.customers.decider import CUSTOMER
from billing.customers.read_model import customer_of, methods_of, page_by_id
from billing.payment_methods import MethodPages
from billing.plan_form import STRICT
from billing.resources import Billing, Service

router = APIRouter(prefix="/api/v1/user/payment-methods", tags=["payment methods"])

PATH = "/api/v1/user/payment-methods"
_WEB = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#][^\s\\]*)?")


def _address(text: str) -> str:
    if not (text.isascii() and text.isprintable() and _WEB.fullmatch(text)):
        raise PydanticCustomError("url", "An address begins with https:// or http:// and a host.")
    return text


WebAddress = Annotated[str, Field(max_length=2_000), AfterValidator(_address)]


class Setup(BaseModel, json_schema_extra={"examples": [{"payment_method": "stripe"}]}):
    """Where the page leads back to; unsaid, to us. `payment_method` is whose page it is."""

    model_config = STRICT

    payment_method: Annotated[str, Field(max_length=40)] = "stripe"
    success_url: WebAddress | None = None
    cancel_url: WebAddress | None = None


class SetupPage(BaseModel):
    """A page to send the customer to. Afterwards POST to `confirm_path`, or wait."""

    id: UUID
    url: str
    expires_at: datetime
    confirm_path: str


class PaymentMethodOut(BaseModel):
    """A saved way to pay; `expires` is YYYY-MM."""

    id: UUID
    payment_method: str
    brand: str | None
    last4: str | None
    expires: str | None
    is_default: bool
    saved_at: datetime


class SetupState(BaseModel):
    """How far saving it is."""

    status: Literal["open", "complete", "expired"]


async def _pages(service: Service) -> MethodPages:
    return MethodPages(service.kernel, service.providers)


Pages = Annotated[MethodPages, Depends(_pages)]


@router.get("", response_model=Page[PaymentMethodOut])
@router.get("/", response_model=Page[PaymentMethodOut], include_in_schema=False)
async def list_payment_methods(caller: Caller, paging: Paging, service: Service) -> Response:
    """The caller's saved ways to pay, the newest first."""
    items = await _told(service, caller.account_id)
    page = paging.page_of(items[paging.offset :][: paging.per_page], len(items))
    return JSONResponse(page, headers={"Cache-Control": "private, no-store"})


@router.post("/setup", status_code=201, response_model=SetupPage)
async def set_up_payment_method(
    body: Setup, caller: Caller, cause: RequestCause, service: Service, pages: Pages
) -> Response:
    """Open a page on which the caller saves a way to pay."""
    id, commands = caller.account_id, service.kernel.commands
    seen = await commands.replayed(CUSTOMER, id, cause)
    if seen is not None:
        return answer_of(seen)
    home = service.settings.public_url
    page_id, page = await pages.open(
        id, body.payment_method, body.success_url or home, body.cancel_url or home, cause
    )
    command = OpenMethodPage(id, page_id, body.payment_method, page.reference, cause.now)
    told = {
        "id": page_id,
        "url": page.url,
        "expires_at": page.expires_at,
        "confirm_path": f"{PATH}/setup/{page_id}",
    }
    answer = Answer(201, to_jsonable_python(told), {"Cache-Control": "private, no-store"})
    return answer_of(await commands.handle(CUSTOMER, id, command, cause, answer=lambda *_: answer))


@router.post("/setup/{page_id}", response_model=SetupState)
async def confirm_payment_method(
    page_id: UUID, caller: Caller, cause: RequestCause, service: Service, pages: Pages
) -> Response:
    """Look whether the page has been filled in, and keep what was saved on it."""
    page = await page_by_id(service.kernel.database, page_id)
    if page is None or page.account_id != caller.account_id:
        raise NotFound
    state = await pages.look(page, cause)
    return JSONResponse({"status": state.status}, headers=_tags(caller.account_id))


@router.post("/{method_id}/default", status_code=204)
async def set_default_payment_method(
    method_id: UUID, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Pay with this one from now on."""
    command = SetDefaultPaymentMethod(caller.account_id, method_id, cause.now)
    return await _carry_out(service, caller.account_id, command, cause)


@router.delete("/{method_id}", status_code=204)
async def remove_payment_method(
    method_id: UUID, caller: Caller, cause: RequestCause, service: Service
) -> Response:
    """Never charge this one again."""
    command = RemovePaymentMethod(caller.account_id, method_id, cause.now)
    return await _carry_out(service, caller.account_id, command, cause)


async def _carry_out(
    service: Billing,
    account_id: UUID,
    command: SetDefaultPaymentMethod | RemovePaymentMethod,
    cause: RequestCause,
) -> Response:
    answer = Answer(204, None, _tags(account_id))
    handled = await service.kernel.commands.handle(
        CUSTOMER, account_id, command, cause, answer=lambda *_: answer
    )
    return answer_of(handled)


async def _told(service: Billing, account_id: UUID) -> list[dict[str, Any]]:
    database = service.kernel.database
    customer = await customer_of(database, account_id)
    told: list[dict[str, Any]] = to_jsonable_python(
        [
            {
                "id": row.method_id,
                "payment_method": row.provider,
                "brand": row.face.brand,
                "last4": row.face.last4,
                "expires": row.face.expires,
                "is_default": row.method_id == customer.default_method_id,
                "saved_at": row.saved_at,
            }
            for row in await methods_of(database, account_id)
        ]
    )
    return told


def _tags(account_id: UUID) -> dict[str, str]:
    return {"Cache-Tags": f"user/{account_id}"}
