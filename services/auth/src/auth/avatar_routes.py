"""HTTP for pictures of people: one's own to set and remove, everybody's to look at."""

from base64 import b64encode
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID, uuid5

from common.command_handling import Answer
from common.idempotency import RequestCause, answer_of
from common.problems import FieldError, Invalid, NotFound
from common.request_context import BodyTooLarge
from common.service import Caller, not_modified
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from auth.accounts.decider import AccountIsSuspended
from auth.accounts.routes import own_account
from auth.avatars import CONTENT_TYPE, LARGEST_FILE, Avatars
from auth.profile_routes import profile_tags
from auth.profiles.commands import RemoveAvatar, SetAvatar
from auth.profiles.decider import PROFILE
from auth.profiles.read_model import profile_of
from auth.resources import Service

router = APIRouter(tags=["avatars"])

FORM_OVERHEAD = 8 * 1024
"""Bytes around the file in a multipart body."""

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["avatar"],
                    "properties": {"avatar": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


class AvatarSet(BaseModel):
    """Where the picture is shown."""

    avatar_url: str


async def _avatars(request: Request) -> Avatars:
    avatars: Avatars = request.app.state.avatars
    return avatars


Pictures = Annotated[Avatars, Depends(_avatars)]


@router.post("/api/v1/auth/avatar", response_model=AvatarSet, openapi_extra=_FORM)
async def set_avatar(
    request: Request, caller: Caller, cause: RequestCause, service: Service, pictures: Pictures
) -> Response:
    """Show this picture: the file `avatar`, a JPEG, PNG or WebP of at most 2 MiB."""
    id = caller.account_id
    content = await _uploaded(request)
    account = await own_account(service, id)
    if account.suspended_at is not None:
        raise AccountIsSuspended
    drawn = await pictures.draw(content)
    # of its own for each request, the same when it is repeated: never one that another replaces
    picture_id = uuid5(cause.command_id, sha256(content).hexdigest())
    await pictures.keep(id, picture_id, drawn.picture)
    url = f"{service.settings.public_url}/api/v1/users/{id}/avatar"
    answer = Answer(200, AvatarSet(avatar_url=url).model_dump(), profile_tags(id))
    command = SetAvatar(id, picture_id, b64encode(drawn.portrait).decode(), cause.now)
    try:
        handled = await service.kernel.commands.handle(
            PROFILE, id, command, cause, answer=lambda *_: answer
        )
    except NotFound:
        # erased in between, and its pictures may be thrown away already
        await pictures.forget(id, picture_id)
        raise
    return answer_of(handled)


@router.delete("/api/v1/auth/avatar", status_code=204)
async def remove_avatar(caller: Caller, cause: RequestCause, service: Service) -> Response:
    """Show no picture; repeating it changes nothing."""
    id = caller.account_id
    await own_account(service, id)
    command = RemoveAvatar(id, cause.now)
    answer = Answer(204, None, profile_tags(id))
    handled = await service.kernel.commands.handle(
        PROFILE, id, command, cause, answer=lambda *_: answer
    )
    return answer_of(handled)


@router.get("/api/v1/users/{account_id}/avatar", response_class=Response, responses=_PICTURE)
async def show_avatar(
    request: Request, account_id: UUID, service: Service, pictures: Pictures
) -> Response:
    """Somebody's picture; 404 for whoever shows none."""
    profile = await profile_of(service.kernel.database, account_id)
    if profile.picture_id is None:
        raise NotFound
    headers = _picture_headers(account_id, profile.picture_id)
    cached = not_modified(request, headers["ETag"], headers)
    if cached:
        return cached
    picture = await pictures.find(account_id, profile.picture_id)
    if picture is None:
        raise NotFound
    return Response(picture, headers=headers, media_type=CONTENT_TYPE)


def _picture_headers(account_id: UUID, picture_id: UUID) -> dict[str, str]:
    return {
        **profile_tags(account_id),
        "Cache-Control": "public, no-cache",
        "Content-Disposition": "inline",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": f'"{picture_id.hex}"',
    }


async def _uploaded(request: Request) -> bytes:
    """The file of the form. Raises `Invalid` without one, and for its size a 413."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise HTTPException(415, "Send the picture as multipart/form-data.")
    # the whole body first: with an Idempotency-Key it was hashed, and a stream is read once
    await request.body()
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("avatar")
        if not isinstance(file, UploadFile):
            missing = FieldError("/avatar", "missing", "A file named avatar is needed.")
            raise Invalid("Some fields are missing or wrong.", errors=[missing])
        content = await file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise BodyTooLarge
    return content
