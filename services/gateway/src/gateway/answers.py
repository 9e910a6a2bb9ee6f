"""What the gateway itself says: whole answers, and refusals as problem documents."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

PROBLEM_JSON = b"application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `headers` are in lower case and do not name the content's length."""

    status: int
    headers: tuple[Header, ...]
    body: bytes = b""


def etag_of(body: bytes) -> Header:
    """A validator that says: these very bytes."""
    return b"etag", b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()


class Refused(Exception):
    """The gateway answers in the service's place. `code` is public and stable."""

    status: ClassVar[int]
    code: ClassVar[str]
    detail: ClassVar[str]

    def __init__(self, detail: str | None = None, *, headers: tuple[Header, ...] = ()) -> None:
        self.text = detail or self.detail
        self.headers = headers
        super().__init__(self.text)


class InternalError(Refused):
    """A fault of ours: logged with its traceback, never told."""

    status = 500
    code = "internal_error"
    detail = "Something went wrong on our side."


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(answer.body))
    headers = [*answer.headers, length]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
