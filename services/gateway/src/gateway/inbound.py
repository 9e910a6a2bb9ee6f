"""The client's side of one request: its body, up to the route's limit, and whether it is there."""

import asyncio

from gateway.answers import Message, Receive

_DISCONNECT: Message = {"type": "http.disconnect"}


class Inbound:
    """Passes the body on, piece by piece, and remembers how it ended.

    To the service a body that is too large looks like a client that left; whoever forwards it
    reads `too_large` afterwards and answers 413. A request without a body is `complete` at once.
    """

    __slots__ = ("_left", "_receive", "complete", "gone", "too_large")

    def __init__(self, receive: Receive, limit: int, *, complete: bool = False) -> None:
        self._receive = receive
        self._left = limit
        self.complete = complete
        self.gone = False
        self.too_large = False

    async def receive(self) -> Message:
        """The next ASGI message."""
        if self.too_large:
            return _DISCONNECT
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            return message
        self._left -= len(message.get("body", b""))
        self.too_large = self._left < 0
        if self.too_large:
            return _DISCONNECT
        self.complete = not message.get("more_body", False)
        return message

    async def left(self) -> None:
        """Return once the client has gone; only for when the body is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.gone = True


def bodiless() -> Inbound:
    """The side of a request that has no body and whose client stays: the gateway asks itself."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.get_running_loop().create_future()
        return _DISCONNECT

    return Inbound(receive, 0, complete=True)
