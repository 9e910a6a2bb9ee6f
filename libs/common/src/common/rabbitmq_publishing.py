"""Messages to RabbitMQ by the window: one write for all of them, one wait for their confirms.

aio-pika made a task, three futures and three frames' objects of each message: two thirds of what a
relay did. The channel underneath keeps the tags, the confirms and what comes back; only the frames
of a message, of which all but three fields are always the same, are written here.
"""

import asyncio
from collections.abc import Sequence
from struct import Struct

import aiormq.channel
from aiormq.abc import ChannelFrame
from prometheus_client import Counter

from common.broker import BrokerUnavailable, Outgoing, partition
from common.messages import CONTENT_TYPE
from common.rabbitmq_connections import TROUBLE
from common.rabbitmq_topology import Topology

PUBLISHED = Counter("cartulary_broker_published_total", "Messages confirmed by the broker")
UNCONFIRMED = Counter("cartulary_broker_confirm_failures_total", "Messages without a confirm")

CONFIRM_SECONDS = 10.0
IN_FLIGHT = 256


class RabbitMQPublisher:
    """Publishes to one exchange over a channel of its own, which is done after a failure."""

    def __init__(self, channel: aiormq.channel.Channel, topology: Topology) -> None:
        self._channel = channel
        self._frames = MessageFrames(channel.number, topology.exchange, channel.max_content_size)
        self._partitions = topology.partitions

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """How many of the leading messages are confirmed. Raises `BrokerUnavailable` for none."""
        safe = 0
        for start in range(0, len(messages), IN_FLIGHT):
            window = messages[start : start + IN_FLIGHT]
            for trouble in await self._confirmed(window):
                if trouble is not None:
                    UNCONFIRMED.inc(len(messages) - safe)
                    if not isinstance(trouble, TROUBLE):
                        raise trouble
                    if not safe:
                        raise BrokerUnavailable(repr(trouble)) from trouble
                    return safe
                safe += 1
            PUBLISHED.inc(len(window))
        return safe

    async def _confirmed(self, window: Sequence[Outgoing]) -> list[BaseException | None]:
        """What is wrong with each of them; nothing, when the broker has it."""
        channel, loop = self._channel, asyncio.get_running_loop()
        payload: list[bytes] = []
        confirms: list[asyncio.Future[object]] = []
        ids = [str(message.id) for message in window]
        for id, message in zip(ids, window, strict=True):
            key = f"{message.type}.p{partition(message.subject, self._partitions)}"
            payload += self._frames.of(key, id, message.body)
            confirms.append(loop.create_future())
            channel.delivery_tag += 1
            channel.confirmations[channel.delivery_tag] = confirms[-1]
            channel.message_id_delivery_tag[id] = channel.delivery_tag
        all_confirmed = asyncio.gather(*confirms, return_exceptions=True)
        closed = channel.closing
        try:
            await channel.write_queue.put(ChannelFrame(b"".join(payload), should_close=False))
            await asyncio.wait(
                {all_confirmed, closed},
                timeout=CONFIRM_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return [_trouble(confirm, closed) for confirm in confirms]
        finally:
            all_confirmed.cancel()
            closed.cancel()
            for id in ids:
                channel.message_id_delivery_tag.pop(id, None)


def _trouble(
    confirm: asyncio.Future[object], closed: asyncio.Future[object]
) -> BaseException | None:
    """Why a message is not safe: refused, given back, or nothing was heard of it."""
    if confirm.done():
        return confirm.exception()
    return ConnectionError("the channel closed") if closed.done() else TimeoutError("no confirm")


class MessageFrames:
    """The frames of AMQP 0-9-1 that publish a message on one channel: persistent, and mandatory, so
    that one which no queue takes comes back.

    `most` is how many bytes of a body one frame takes.
    """

    def __init__(self, channel: int, exchange: str, most: int) -> None:
        self._channel = channel
        self._exchange = _short(exchange)
        self._most = most
        self._methods: dict[str, bytes] = {}

    def of(self, routing_key: str, message_id: str, body: bytes) -> list[bytes]:
        """All frames of one message. Raises `ValueError` for a key longer than 255 bytes."""
        method = self._methods.get(routing_key)
        if method is None:
            fields = _PUBLISH + self._exchange + _short(routing_key) + _MANDATORY
            method = self._methods[routing_key] = self._frame(_METHOD, fields)
        header = _CONTENT.pack(*_BASIC, 0, len(body), _FLAGS) + _ALWAYS + _short(message_id)
        pieces = [method, self._frame(_HEADER, header)]
        for start in range(0, len(body), self._most):
            pieces.append(self._frame(_BODY, body[start : start + self._most]))
        return pieces

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return _START.pack(kind, self._channel, len(payload)) + payload + _END


def _short(text: str) -> bytes:
    """A short string; its length is a byte. Raises `ValueError` for a longer one."""
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


_START, _END = Struct(">BHL"), b"\xce"
_METHOD, _HEADER, _BODY = 1, 2, 3
_BASIC = (60,)
"""The class of methods that `publish` belongs to."""
_PUBLISH = Struct(">HHH").pack(*_BASIC, 40, 0)
_MANDATORY = b"\x01"
_CONTENT = Struct(">HHQH")
_FLAGS = 1 << 15 | 1 << 12 | 1 << 7
"""Which properties follow, always in this order: content type, delivery mode, message id."""
_PERSISTENT = b"\x02"
_ALWAYS = _short(CONTENT_TYPE) + _PERSISTENT
