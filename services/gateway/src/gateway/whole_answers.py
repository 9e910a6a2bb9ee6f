"""A service's answer as a whole, for the gateway's own use, and no more of it than is wanted."""

from gateway.answers import Message
from gateway.forwarding import AnswerCut, Call, Upstream
from gateway.inbound import bodiless


class TooMuch(Exception):
    """The answer is larger than it may be."""


class Whole:
    """An answer as it is collected; `most` is in bytes."""

    def __init__(self, most: int) -> None:
        self.status = 0
        self.body = b""
        self.too_much = False
        self._most = most

    async def take(self, message: Message) -> None:
        """The next message. Raises `TooMuch`, which ends the call."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message.get("body", b"")
        self.too_much = len(self.body) > self._most
        if self.too_much:
            raise TooMuch


async def whole(upstream: Upstream, call: Call, *, most: int) -> Whole:
    """Ask. Raises `TooMuch`, and as `Upstream.forward` does."""
    answer = Whole(most)
    try:
        await upstream.forward(call, bodiless(), answer.take)
    except AnswerCut:
        if not answer.too_much:
            raise
    if answer.too_much:
        raise TooMuch
    return answer
