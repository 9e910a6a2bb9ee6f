"""HTTP of the sandbox: billing's clock, and moving it. Elsewhere these addresses do not exist."""

from datetime import datetime, timedelta
from typing import Annotated

from common.problems import FieldError, Invalid, NotFound
from common.service import Admin, Now
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, StrictInt
from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from billing.desk import desk_of
from billing.plan_form import STRICT
from billing.resources import Billing, Service
from billing.sandbox import advance
from billing.subscription_form import UNKEPT

router = APIRouter(prefix="/api/v1/sandbox/clock", tags=["sandbox"])

FARTHEST = timedelta(days=5 * 366)
"""In one go."""


class Advance(BaseModel, json_schema_extra={"examples": [{"days": 30}]}):
    """By how much, or until when; always forward, and at most five years in one go."""

    model_config = STRICT

    days: Annotated[StrictInt, Field(ge=0, le=FARTHEST.days)] = 0
    seconds: Annotated[StrictInt, Field(ge=0, le=86_400 * FARTHEST.days)] = 0
    until: AwareDatetime | None = None


class ClockOut(BaseModel):
    """Billing's time, and how many deadlines were met on the way there."""

    now: datetime
    met: int


@router.get("", response_model=ClockOut)
async def sandbox_clock(admin: Admin, now: Now, service: Service) -> Response:
    """What time it is in the sandbox."""
    _check(service)
    return _told(now, 0)


@router.post("/advance", response_model=ClockOut)
async def advance_sandbox_clock(
    body: Advance, admin: Admin, now: Now, service: Service
) -> Response:
    """Move the clock forward, and let everything happen that is due by then, in order."""
    _check(service)
    until = body.until or now + timedelta(days=body.days, seconds=body.seconds)
    if not now <= until <= now + FARTHEST:
        wrong = FieldError("/until", "out_of_range", "Forward, and at most five years.")
        raise Invalid(errors=[wrong])
    met = await advance(desk_of(service), service.clock, until)
    return _told(service.clock.now(), met)


def _check(service: Billing) -> None:
    if not service.settings.sandbox:
        raise NotFound


def _told(now: datetime, met: int) -> Response:
    return JSONResponse(to_jsonable_python({"now": now, "met": met}), headers=UNKEPT)
