"""Every error is an `application/problem+json` (RFC 9457) with a stable code, no inner text."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common.problems import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    Unauthenticated,
    Unavailable,
)

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
STATUS: Mapping[type[Refusal], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    Unavailable: 503,
}
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    502: "upstream_unavailable",
    503: "unavailable",
    504: "upstream_timeout",
}


class ProblemError(BaseModel):
    """What is wrong with one field."""

    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """How every error looks."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ProblemError] = []
    error: str


def problem_body(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    instance: str = "",
    request_id: str = "",
    errors: Sequence[FieldError] = (),
) -> bytes:
    """The document's bytes; usable without any framework."""
    code = code or CODES.get(status, "error")
    return orjson.dumps(
        {
            "type": f"/problems/{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": instance,
            "code": code,
            "request_id": request_id,
            "errors": [
                {"pointer": e.pointer, "code": e.code, "message": e.message} for e in errors
            ],
            "error": detail,
        }
    )


def problem_headers(status: int) -> dict[str, str]:
    """The headers that a status asks for."""
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    return {}


def status_of(refusal: Refusal) -> int:
    """The status of a refusal's kind."""
    return next(status for kind, status in STATUS.items() if isinstance(refusal, kind))


def install_problem_handlers(app: FastAPI) -> None:
    """Turn every error of a service into a problem."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _respond(
    request: Request,
    status: int,
    detail: str,
    code: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = problem_body(
        status,
        detail,
        code=code,
        instance=request.url.path,
        request_id=str(request.scope.get("state", {}).get("request_id", "")),
        errors=errors,
    )
    all_headers = {**problem_headers(status), **(headers or {})}
    return Response(body, status, all_headers, CONTENT_TYPE)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _respond(request, status_of(error), error.detail, error.code, error.errors)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {
        404: "There is nothing at this address.",
        405: "This method is not for this address.",
        413: "The body is too large.",
    }
    detail = details.get(error.status_code, HTTPStatus(error.status_code).phrase)
    return _respond(request, error.status_code, detail, headers=error.headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["loc"][0] == "path" for e in found):
        return _respond(request, 404, NotFound.detail, NotFound.code)
    if any(e["type"] == "json_invalid" for e in found):
        return _respond(request, 400, "The body is not valid JSON.", "malformed_json")
    if _is_no_json(request):
        return _respond(request, 415, "Send the body as application/json.")
    errors = [FieldError(_pointer(e["loc"]), e["type"], e["msg"]) for e in found]
    return _respond(request, 422, "Some fields are missing or wrong.", "invalid", errors)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.scope.get("path"), exc_info=error)
    return _respond(request, 500, "Something went wrong on our side. It has been noted.")


def _is_no_json(request: Request) -> bool:
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return has_body and not sent.endswith("json")


def _pointer(location: Sequence[Any]) -> str:
    """`("body", "phones", 0)` → `/phones/0`; for a query parameter `?page`."""
    where, *rest = location
    if where == "query":
        return "?" + ".".join(map(str, rest))
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in rest)
