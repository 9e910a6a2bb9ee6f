"""One call of the API: who asks, what for, was it asked before, and what goes wrong on purpose."""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stripe_twin import API_VERSION, faults, idempotency, lists, operations
from stripe_twin.faults import Fault
from stripe_twin.forms import decoded, typed
from stripe_twin.operations import Operation
from stripe_twin.problems import ApiError, Json, invalid
from stripe_twin.store import new_id
from stripe_twin.twin import Call, Twin

KEYS = ("sk_test_", "rk_test_")


class Cut(Response):
    """An answer whose connection breaks in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce more than is sent; the server then closes the connection."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"id": "', "more_body": True})


async def answer(request: Request) -> Response:
    """The endpoint below `/v1/`."""
    twin: Twin = request.app.state.twin
    id = new_id("req")
    fault = twin.faults.next(request.method, request.url.path)
    try:
        status, body, replayed = await _answered(twin, request, id, fault)
    except ApiError as error:
        status, body, replayed = error.status, error.body, False
    finally:
        twin.call = Call()
        twin.store.save()
    if fault is not None and fault.kind == "timeout":
        await asyncio.sleep(fault.seconds)
    if fault is not None and fault.kind == "reset":
        return Cut()
    return _response(status, body, id, request, replayed=replayed)


async def _answered(
    twin: Twin, request: Request, id: str, fault: Fault | None
) -> tuple[int, Json, bool]:
    _authorised(request)
    path = request.path_params["path"]
    found = operations.find(request.method, path)
    if found is None:
        raise ApiError(
            404,
            "invalid_request_error",
            f"Unrecognized request URL ({request.method}: /v1/{path}); the twin does not play it.",
        )
    operation, ids = found
    text = (await request.body()).decode() if request.method == "POST" else request.url.query
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    question = f"{request.method} {path}\n{text}"
    if key is not None and (kept := idempotency.earlier(twin, key, question)):
        return kept["status"], kept["body"], True
    if refused := faults.refusal(fault):
        raise refused
    noted = idempotency.begin(twin, key, question) if key is not None else None
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
    # from here on nothing waits: the call is made in one piece
    twin.call = Call(id, key, twin.base_url(request.base_url))
    status, body, keep = _run(twin, operation, ids, text, fault)
    if noted is not None:
        idempotency.end(twin, noted, status, body, keep=keep)
    return status, body, False


def _run(
    twin: Twin, operation: Operation, ids: tuple[str, ...], text: str, fault: Fault | None
) -> tuple[int, Json, bool]:
    try:
        body = _body(twin, operation, ids, text)
        if fault is not None and fault.kind == "error_after":
            raise faults.broken()
    except ApiError as error:
        return error.status, error.body, error.kept
    return 200, body, True


def _body(twin: Twin, operation: Operation, ids: tuple[str, ...], text: str) -> Json:
    given = typed(decoded(text), operation.takes)
    paths: list[str] = given.pop("expand", None) or []
    result: Any = operation.run(twin, given, *ids)
    if not operation.is_list:
        return lists.expanded(twin, result, paths)
    url = f"/v1/{operation.path}"
    for id in ids:
        url = url.replace("{id}", id, 1)
    return lists.expanded(twin, lists.page(result, given, url), paths)


def _authorised(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key.startswith(KEYS):
        raise ApiError(
            401, "invalid_request_error", "Invalid API Key provided: the twin takes test keys only."
        )
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. The twin plays {API_VERSION}.")


def _response(status: int, body: Json, id: str, request: Request, *, replayed: bool) -> Response:
    headers = {"Request-Id": id, "Stripe-Version": API_VERSION}
    if key := request.headers.get("idempotency-key"):
        headers["Idempotency-Key"] = key
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    if status == 500:
        headers["Stripe-Should-Retry"] = "false"  # its repeat would only be told the same
    return Response(json.dumps(body, indent=2), status, headers, "application/json")
