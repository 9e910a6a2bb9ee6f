"""One request at the gateway: what was asked, and what has been answered so far."""

from collections.abc import Sequence

from common.problem_responses import problem_body, problem_headers
from common.request_context import sane_request_id

from gateway.answers import PROBLEM_JSON, Answer, Header, Receive, Refused, Scope, Send

UNMATCHED = "unmatched"
_PROBLEM_HEADERS: tuple[Header, ...] = (
    (b"content-type", PROBLEM_JSON),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Exchange:
    """Adds the request's id to whatever is answered, and remembers the status for the metrics.

    `client` is the address that the request came from, `added` stands on every answer to it.
    """

    __slots__ = (
        "_send",
        "added",
        "client",
        "headers",
        "method",
        "path",
        "receive",
        "request_id",
        "route",
        "scope",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = {}
        self.client = ""
        self.added: list[Header] = []
        self.request_id = ""
        self.route = UNMATCHED
        self.status = 0

    def identify(self) -> bytes:
        """The request's id: the caller's if it is sane, else a new one, made when first needed."""
        if not self.request_id:
            self.request_id = sane_request_id(self.headers.get(b"x-request-id"))
        return self.request_id.encode()

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        """Send status and headers."""
        self.status = status
        all_headers = [*headers, *self.added, (b"x-request-id", self.identify())]
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})

    async def body(self, piece: bytes, *, more: bool = False) -> None:
        """Send the body, or its next piece."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def answer(self, answer: Answer) -> None:
        """Send a whole answer, or 304 where the client has it already."""
        if answer.status == 200 and self.has(dict(answer.headers).get(b"etag", b"")):
            await self.start(304, answer.headers)
            await self.body(b"")
            return
        length = (b"content-length", b"%d" % len(answer.body))
        await self.start(answer.status, (*answer.headers, length))
        await self.body(answer.body)

    async def refuse(self, refused: Refused) -> None:
        """Answer with a problem."""
        await self.problem(refused.status, refused.code, refused.text, refused.headers)

    async def problem(
        self, status: int, code: str, detail: str, headers: Sequence[Header] = ()
    ) -> None:
        """Answer with a problem document and the headers that its status asks for."""
        body = problem_body(
            status,
            detail,
            code=code,
            instance=self.path,
            request_id=self.identify().decode(),
        )
        own = {name for name, _ in headers}
        usual = [(n.lower().encode(), v.encode()) for n, v in problem_headers(status).items()]
        missing = [header for header in usual if header[0] not in own]
        await self.answer(Answer(status, (*_PROBLEM_HEADERS, *headers, *missing), body))

    def has(self, etag: bytes) -> bool:
        """Whether the client names this validator in `If-None-Match` (weak comparison)."""
        sent = self.headers.get(b"if-none-match")
        if sent is None or not etag:
            return False
        if sent == etag or sent.strip() == b"*":
            return True
        known = {candidate.strip().removeprefix(b"W/") for candidate in sent.split(b",")}
        return etag.removeprefix(b"W/") in known
