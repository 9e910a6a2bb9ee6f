"""Errors as Stripe words them: a status, a type, a code, the parameter that is to blame."""

from typing import Any

Json = dict[str, Any]
"""An object of the API as it is stored and sent."""


class ApiError(Exception):
    """An answer that is no success. `kept`: it is replayed under the same idempotency key."""

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        named = {"code": code, "message": message, "param": param, "type": type, **more}
        self.error: Json = {name: value for name, value in named.items() if value is not None}

    @property
    def body(self) -> Json:
        """What is sent."""
        return {"error": self.error}


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """The request makes no sense (400)."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param)


def missing(kind: str, id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """There is no such object: 404 for the one that the path names, 400 for a parameter."""
    text = f"No such {kind}: '{id}'"
    return ApiError(status, "invalid_request_error", text, code="resource_missing", param=param)


def card_error(message: str, code: str, decline_code: str | None, **more: Any) -> ApiError:
    """The bank said no (402); the same key gets the same answer again."""
    return ApiError(
        402, "card_error", message, code=code, kept=True, decline_code=decline_code, **more
    )
