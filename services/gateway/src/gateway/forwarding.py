"""The way to the services, and what may go wrong on it; here by a call within one process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never, Protocol

import structlog

from gateway.answers import Answer, Application, Header, Message, Refused, Scope, Send
from gateway.inbound import Inbound, bodiless

RETRY_AFTER: Header = (b"retry-after", b"1")


log = structlog.get_logger()


class UpstreamUnavailable(Refused):
    """No connection to the service: it did not see the request."""

    status = 503
    code = "upstream_unavailable"
    detail = "A part of the system is away. Try again shortly."


class UpstreamBroken(Refused):
    """The service was reached and gave no answer that can be passed on."""

    status = 502
    code = "upstream_unavailable"
    detail = "A part of the system did not answer properly. Try again shortly."


class UpstreamTimeout(Refused):
    """The route's time budget is spent."""

    status = 504
    code = "upstream_timeout"
    detail = "A part of the system took too long to answer."


class RequestTimeout(Refused):
    """The budget is spent and the client has not even sent its whole body."""

    status = 408
    code = "request_timeout"
    detail = "The request's body did not arrive in time."


class BodyTooLarge(Refused):
    """More bytes than the route takes."""

    status = 413
    code = "body_too_large"
    detail = "The request's body is larger than this address takes."


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class AnswerCut(Exception):
    """The service stopped in the middle of an answer that has begun."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the service shall see it; `budget` is in seconds. Where not all requests can
    be served, `critical` ones are."""

    method: str
    path: str
    query: bytes
    headers: list[Header]
    budget: float
    client: tuple[str, int] | None = None
    critical: bool = False


class Upstream(Protocol):
    """A service, wherever it runs."""

    async def start(self) -> None:
        """Make what needs the running loop."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...

    async def forward(self, call: Call, inbound: Inbound, send: Send) -> None:
        """Ask and hand the answer to `send` as it comes.

        Raises a `Refused` while nothing was sent, `AnswerCut` later, `ClientGone` at any time.
        """
        ...


async def fetch(
    upstream: Upstream, path: str, *, budget: float, headers: Sequence[Header] = ()
) -> Answer:
    """GET a whole answer for the gateway's own use. Raises as `Upstream.forward` does."""
    status = 0
    received: list[Header] = []
    pieces: list[bytes] = []

    async def collect(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            received.extend(message["headers"])
        else:
            pieces.append(message.get("body", b""))

    call = Call("GET", path, b"", [(b"accept", b"application/json"), *headers], budget)
    await upstream.forward(call, bodiless(), collect)
    return Answer(status, tuple(received), b"".join(pieces))


class InProcessUpstream:
    """A service in this process; its lifespan is the business of whoever made it."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def start(self) -> None:
        """Nothing to make."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def forward(self, call: Call, inbound: Inbound, send: Send) -> None:
        """See `Upstream.forward`."""
        loop = asyncio.get_running_loop()
        begun = ended = False

        async def pass_on(message: Message) -> None:
            nonlocal begun, ended
            begun = True
            ended = not message.get("more_body", message["type"] == "http.response.start")
            patience.reschedule(loop.time() + call.budget)
            await send(message)

        try:
            async with asyncio.timeout(call.budget) as patience:
                await self._app(_scope(call), inbound.receive, pass_on)
        except Exception as error:  # frameworks raise again after their own 500
            late = patience.expired()
            if not late:
                log.warning("upstream_raised", reason=type(error).__name__, answered=ended)
            if not ended:
                explain(error, inbound, begun=begun, late=late)
        if not ended:
            explain(None, inbound, begun=begun, late=False)


def _scope(call: Call) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.path,
        "raw_path": call.path.encode(),
        "query_string": call.query,
        "root_path": "",
        "headers": call.headers,
        "client": call.client,
        "server": None,
        "state": {},
    }


class Unreachable(Exception):
    """No connection came about."""


def explain(error: BaseException | None, inbound: Inbound, *, begun: bool, late: bool) -> Never:
    """Raise what an unfinished call means, the client's own doing first."""
    if inbound.too_large:
        raise BodyTooLarge from error
    if inbound.gone:
        raise ClientGone from error
    if begun:
        raise AnswerCut from error
    if late:
        raise (UpstreamTimeout if inbound.complete else RequestTimeout) from error
    if isinstance(error, Unreachable):
        raise UpstreamUnavailable(headers=(RETRY_AFTER,)) from error
    raise UpstreamBroken(headers=(RETRY_AFTER,)) from error
