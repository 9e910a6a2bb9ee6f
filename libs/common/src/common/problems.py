"""The kinds of refusal. They know no HTTP, since the rules import them; `service` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field; `pointer` is a JSON pointer into the request's body."""

    pointer: str
    code: str
    message: str


class Refusal(Exception):
    """A request was understood and refused. `code` is stable and public; `detail` is for people."""

    code: ClassVar[str] = "refused"
    detail: str = "The request was refused."

    def __init__(self, detail: str | None = None, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.errors = tuple(errors)


class Invalid(Refusal):
    """The request can be read but makes no sense (422)."""

    code = "invalid"
    detail = "The request is not valid."


class Unauthenticated(Refusal):
    """Nobody, or nobody whom we can believe, asks (401)."""

    code = "unauthenticated"
    detail = "A valid access token is required."


class Forbidden(Refusal):
    """The caller is known and may not (403)."""

    code = "forbidden"
    detail = "You may not do this."


class NotFound(Refusal):
    """There is no such thing, or none that the caller may know of (404)."""

    code = "not_found"
    detail = "There is no such thing here."


class Conflict(Refusal):
    """The request does not fit what has happened meanwhile (409)."""

    code = "conflict"
    detail = "Somebody else changed this at the same time. Read it again and repeat your change."


class PreconditionFailed(Refusal):
    """The caller named a version that is no longer the current one (412)."""

    code = "precondition_failed"
    detail = "This has changed since the version that If-Match names."


class TooManyRequests(Refusal):
    """Asked too often (429); in `retry_after` seconds the same request may be answered."""

    code = "too_many_requests"
    detail = "That was too often. Wait a little and try again."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: int = 1,
    ) -> None:
        super().__init__(detail, errors=errors)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """Something that we need is away; the same request may work later (503)."""

    code = "unavailable"
    detail = "The service cannot answer at the moment. Try again shortly."
