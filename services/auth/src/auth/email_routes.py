"""HTTP for addresses: confirm the one that one has, move to another, take the account back.

A link in a mail opens a page that posts its token here; only that changes anything.
"""

from typing import Annotated

from common.command_handling import Then
from common.email_addresses import EmailAddress
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.problems import NotFound
from common.service import Caller
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from auth.accounts.commands import AccountCommand
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import EmailTaken, is_taken_by_another
from auth.accounts.routes import done, own_account
from auth.addresses.commands import (
    ConfirmEmailChange,
    RequestEmailChange,
    RequestEmailVerification,
    UndoEmailChange,
    VerifyEmail,
)
from auth.link_tokens import LONGEST, LinkInvalid, Purpose
from auth.resources import Auth, Password, PasswordGuess, Service, WrongPassword
from auth.signing_out import SigningOut

router = APIRouter(prefix="/api/v1/auth/email", tags=["addresses"])


class Link(
    BaseModel, json_schema_extra={"examples": [{"token": "what stands behind the # of the link"}]}
):
    """The token of a mail's link."""

    token: Annotated[str, Field(max_length=LONGEST)]


class NewAddress(
    BaseModel,
    json_schema_extra={
        "examples": [{"email": "ann@example.com", "password": "a long enough secret"}]
    },
):
    """The address that shall be, and the password, so that a borrowed token takes no account."""

    email: EmailAddress
    password: Password


class Told(BaseModel):
    """What happens next."""

    message: str


@router.post("/verify", status_code=204)
async def verify_email(body: Link, cause: RequestCause, service: Service) -> Response:
    """Confirm the account's address by the greeting's link."""
    id, request_id = service.links.read(Purpose.VERIFY, body.token)
    return await _follow(service, VerifyEmail(id, request_id, cause.now), cause)


@router.post("/resend", status_code=202, response_model=Told)
async def resend_verification(cause: RequestCause, caller: Caller, service: Service) -> Response:
    """Send another link; it replaces the one before. None to an address that is confirmed."""
    id = caller.account_id
    command = RequestEmailVerification(id, uuid7(), cause.now)
    told = done(id, 202, {"message": "Unless your address is confirmed, a mail is on its way."})
    handled = await service.kernel.commands.handle(ACCOUNT, id, command, cause, answer=told)
    return answer_of(handled)


@router.post("/change", status_code=202, response_model=Told)
async def change_email(
    body: NewAddress, cause: RequestCause, caller: Caller, guess: PasswordGuess, service: Service
) -> Response:
    """Ask for another address: the new one must confirm, the old one is told and may object."""
    row = await own_account(service, caller.account_id)
    if not await guess.right(row.account_id, body.password, row.password_hash):
        raise WrongPassword
    index = service.email_index(body.email)
    # what counts is the unique key when the change is confirmed; this only tells it earlier
    if await is_taken_by_another(service.kernel.database, index, row.account_id):
        raise EmailTaken
    command = RequestEmailChange(row.account_id, uuid7(), body.email, index, cause.now)
    id = row.account_id
    told = done(id, 202, {"message": "Follow the link that was sent to the new address."})
    handled = await service.kernel.commands.handle(ACCOUNT, id, command, cause, answer=told)
    response = answer_of(handled)
    response.headers.update(guess.headers)
    return response


@router.post("/confirm", status_code=204)
async def confirm_email_change(body: Link, cause: RequestCause, service: Service) -> Response:
    """Move to the new address by the link that was sent there."""
    id, request_id = service.links.read(Purpose.CONFIRM, body.token)
    return await _follow(service, ConfirmEmailChange(id, request_id, cause.now), cause)


@router.post("/undo", status_code=204)
async def undo_email_change(body: Link, cause: RequestCause, service: Service) -> Response:
    """Keep or restore the old address by the link that was sent there.

    Whoever asked for the change knew the password: all sessions end, and a mail offers a new one.
    """
    id, request_id = service.links.read(Purpose.UNDO, body.token)
    command = UndoEmailChange(id, request_id, uuid7(), cause.now)
    ending = SigningOut(service.kernel, id, "email_restored", cause)
    return await _follow(service, command, cause, ending)


async def _follow(
    service: Auth, command: AccountCommand, cause: Cause, then: Then | None = None
) -> Response:
    """Follow a link. Raises `LinkInvalid` when the account is gone."""
    id = command.account_id
    try:
        handled = await service.kernel.commands.handle(
            ACCOUNT, id, command, cause, answer=done(id), then=then
        )
    except NotFound:
        raise LinkInvalid from None
    return answer_of(handled)
