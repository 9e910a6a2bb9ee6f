"""From a request to a `Cause`: who, why, and the command id that makes a repeat harmless."""

from hashlib import sha256
from typing import Annotated, TypeVar
from uuid import UUID, uuid5

import orjson
from fastapi import Depends, Request
from starlette.responses import Response

from common.command_handling import Answer, Handled
from common.event_store import Cause
from common.ids import uuid7
from common.problems import FieldError, Invalid, Refusal
from common.service import MaybeCaller, Now

NAMESPACE = UUID("0d9a2f0e-57f1-5c3c-8c40-5f9b6a4c7e22")
LONGEST_KEY = 255

StateT = TypeVar("StateT")


class IdempotencyKeyTooLong(Invalid):
    """The key is longer than what we keep."""

    code = "idempotency_key_too_long"
    detail = f"An Idempotency-Key has at most {LONGEST_KEY} characters."


class IdempotencyKeyRequired(Refusal):
    """What moves money is asked for under a key, so that asking again is harmless (400)."""

    code = "idempotency_key_required"
    detail = "Send an Idempotency-Key: the same one when you repeat the request."


async def _cause(request: Request, now: Now, caller: MaybeCaller) -> Cause:
    """The key is scoped to its caller and route, so nobody meets another's answer."""
    key = request.headers.get("idempotency-key")
    actor = caller.account_id if caller else None
    state = request.scope.get("state", {})
    command_id, fingerprint = uuid7(), None
    if key:
        if len(key) > LONGEST_KEY:
            raise IdempotencyKeyTooLong(errors=[FieldError("", "too_long", "Idempotency-Key")])
        scope = f"{actor}\n{request.method}\n{request.url.path}\n{key}"
        command_id = uuid5(NAMESPACE, scope)
        fingerprint = sha256(request.url.query.encode() + b"\n" + await request.body()).digest()
    return Cause(
        command_id=command_id,
        now=now,
        actor=actor,
        correlation_id=state.get("request_id"),
        traceparent=state.get("traceparent"),
        fingerprint=fingerprint,
    )


RequestCause = Annotated[Cause, Depends(_cause)]


async def _keyed_cause(cause: RequestCause) -> Cause:
    if cause.fingerprint is None:
        raise IdempotencyKeyRequired
    return cause


KeyedCause = Annotated[Cause, Depends(_keyed_cause)]
"""The same where a key is required."""


def answer_of(handled: Handled[StateT]) -> Response:
    """The answer that the command told, or the stored one when it was a repeat."""
    answer = handled.answer or Answer(204, None)
    headers = dict(answer.headers)
    if handled.replayed:
        headers["Idempotent-Replayed"] = "true"
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return Response(orjson.dumps(answer.body), answer.status, headers, "application/json")
