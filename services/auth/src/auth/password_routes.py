"""HTTP for passwords: change the one that is known, replace the one that was forgotten."""

from typing import Annotated

import structlog
from common.event_store import Cause
from common.idempotency import RequestCause, answer_of
from common.ids import uuid7
from common.problems import Refusal
from common.service import Caller
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response

from auth.accounts.commands import ChangePassword, RequestPasswordReset, ResetPassword
from auth.accounts.decider import ACCOUNT
from auth.accounts.read_model import AccountRow, account_by_id, account_by_login
from auth.accounts.routes import done, own_account
from auth.link_tokens import LONGEST, LinkInvalid, Purpose
from auth.passwords import check_password
from auth.resources import Auth, Password, PasswordGuess, Service, WrongPassword
from auth.signing_out import SigningOut

router = APIRouter(prefix="/api/v1/auth/password", tags=["passwords"])

LinkToken = Annotated[str, Field(max_length=LONGEST)]


class PasswordChange(
    BaseModel,
    json_schema_extra={
        "examples": [
            {"current_password": "a long enough secret", "new_password": "another long secret"}
        ]
    },
):
    """The current password and the new one."""

    current_password: Password
    new_password: Password


class Forgotten(BaseModel, json_schema_extra={"examples": [{"email": "ann@example.org"}]}):
    """The address whose password was forgotten; any text is taken, and answered alike."""

    email: Annotated[str, Field(min_length=1, max_length=254)]


class NewPassword(
    BaseModel,
    json_schema_extra={
        "examples": [
            {"token": "what stands behind the # of the link", "password": "another long secret"}
        ]
    },
):
    """The token of the mail's link, and the password that shall be."""

    token: LinkToken
    password: Password


class Told(BaseModel):
    """What happens next."""

    message: str


log = structlog.get_logger(__name__)

ON_ITS_WAY = "If there is an account with this address, a mail is on its way."


@router.post("/change", status_code=204)
async def change_password(
    body: PasswordChange,
    cause: RequestCause,
    caller: Caller,
    guess: PasswordGuess,
    service: Service,
) -> Response:
    """Choose another password; all other sessions end."""
    before = await service.kernel.commands.replayed(ACCOUNT, caller.account_id, cause)
    if before is not None:
        return answer_of(before)
    row = await own_account(service, caller.account_id)
    if not await guess.right(row.account_id, body.current_password, row.password_hash):
        raise WrongPassword
    hashed = await _checked(service, row, body.new_password.get_secret_value())
    handled = await service.kernel.commands.handle(
        ACCOUNT,
        row.account_id,
        ChangePassword(row.account_id, hashed, cause.now),
        cause,
        answer=done(row.account_id),
        then=SigningOut(
            service.kernel, row.account_id, "password_changed", cause, caller.session_id
        ),
    )
    response = answer_of(handled)
    response.headers.update(guess.headers)
    return response


@router.post("/forgot", status_code=202, response_model=Told)
async def forgot_password(body: Forgotten, cause: RequestCause, service: Service) -> Response:
    """Ask for a link by mail. The answer is the same, and as quick, for addresses of nobody."""
    asked = BackgroundTask(_ask_for_reset, service, body.email, cause)
    return JSONResponse({"message": ON_ITS_WAY}, 202, background=asked)


@router.post("/reset", status_code=204)
async def reset_password(body: NewPassword, cause: RequestCause, service: Service) -> Response:
    """Choose a new password by the mail's link; all sessions end, and one logs in anew."""
    id, request_id = service.links.read(Purpose.RESET, body.token)
    row = await account_by_id(service.kernel.database, id)
    if row is None:
        raise LinkInvalid
    hashed = await _checked(service, row, body.password.get_secret_value())
    handled = await service.kernel.commands.handle(
        ACCOUNT,
        id,
        ResetPassword(id, request_id, hashed, cause.now),
        cause,
        answer=done(id),
        then=SigningOut(service.kernel, id, "password_changed", cause),
    )
    await service.throttle.clear(str(id))
    return answer_of(handled)


async def _ask_for_reset(service: Auth, email: str, cause: Cause) -> None:
    """After the answer, so that its time tells nothing either."""
    row = await account_by_login(service.kernel.database, service.email_index(email), "")
    if row is None:
        return
    command = RequestPasswordReset(row.account_id, uuid7(), cause.now)
    try:
        await service.kernel.commands.handle(ACCOUNT, row.account_id, command, cause)
    except Refusal as refused:
        # suspended, or erased a moment ago: nobody is told
        log.info("reset_not_asked_for", reason=refused.code)


async def _checked(service: Auth, row: AccountRow, password: str) -> str:
    """The hash. Raises `WeakPassword`."""
    check_password(password, email=row.email, name=row.name or row.username)
    return await service.passwords.hash(password)
