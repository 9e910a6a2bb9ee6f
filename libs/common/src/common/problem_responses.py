"""Every error is an `application/problem+json` (RFC 9457) with a stable code, no inner text."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
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
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

CONTENT_TYPE = "application/problem+json"
STATUS: Mapping[type[Refusal], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    PreconditionFailed: 412,
    TooManyRequests: 429,
    Unavailable: 503,
}
CODES = {
    400: "bad_request",
    401: Unauthenticated.code,
    403: Forbidden.code,
    404: NotFound.code,
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    502: "upstream_unavailable",
    503: Unavailable.code,
    504: "upstream_timeout",
}
DETAILS = {
    404: "There is nothing at this address.",
    405: "This method is not for this address.",
    413: "The body is too large.",
}
LIMIT_HEADERS = "limit_headers"
"""In a request's state: the `RateLimit` headers that its answer, also a problem, shall have."""
MALFORMED_JSON = "The body is not valid JSON."
UNEXPECTED = "Something went wrong on our side. It has been noted."


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
    errors: list[ProblemError]
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
    return next((status for kind, status in STATUS.items() if isinstance(refusal, kind)), 400)


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    statuses: {
        "description": "A problem",
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for statuses in ("4XX", "5XX")
}
"""How every operation documents its errors; `problem_schemas` is what it refers to."""


def problem_schemas() -> dict[str, Any]:
    """The components of an OpenAPI document that `DOCUMENTED` refers to."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs")
    return {"Problem": schema, **parts}


def install_problem_handlers(app: FastAPI) -> None:
    """Turn every refusal of a service into a problem; `RequestContext` answers what is left."""
    app.add_exception_handler(Refusal, answer_refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)


async def answer_refusal(request: Request, error: Exception) -> Response:
    """The problem that says why."""
    assert isinstance(error, Refusal)
    headers = dict(request.scope.get("state", {}).get(LIMIT_HEADERS, ()))
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after)
    status = status_of(error)
    return _respond(request, status, error.detail, error.code, error.errors, headers)


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


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, UnicodeDecodeError | RecursionError):
        # FastAPI looks only for JSON's own error: this body is no UTF-8, or too deep to be read
        return _respond(request, 400, MALFORMED_JSON, "malformed_json")
    detail = DETAILS.get(error.status_code, HTTPStatus(error.status_code).phrase)
    return _respond(request, error.status_code, detail, headers=error.headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(e["loc"][0] == "path" for e in found):
        return _respond(request, 404, NotFound.detail, NotFound.code)
    if any(e["type"] == "json_invalid" for e in found):
        return _respond(request, 400, MALFORMED_JSON, "malformed_json")
    if isinstance(error.body, bytes):
        # FastAPI hands on the bytes of a body whose content type does not say JSON
        return _respond(request, 415, "Send the body as application/json.")
    errors = [FieldError(_pointer(e["loc"]), e["type"], _message(e["msg"])) for e in found]
    return _respond(request, 422, "Some fields are missing or wrong.", Invalid.code, errors)


def _message(text: str) -> str:
    return text.removeprefix("Value error, ")


def _pointer(location: Sequence[Any]) -> str:
    """`("body", "phones", 0)` → `/phones/0`; for a query parameter `?page`."""
    where, *rest = location
    if where == "query":
        return "?" + ".".join(map(str, rest))
    text = "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in rest)
    # an unknown field's name is the caller's, and may hold half a surrogate pair
    return text.encode("utf-8", "replace").decode()
