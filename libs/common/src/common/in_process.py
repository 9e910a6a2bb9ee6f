"""The broker of the embedded run: everything in one process, and the same promise.

`publish` returns when every bound group has committed, so the relay's cursor moves only past what
has had its effect, and a crash in between loses nothing: the relay publishes it again.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import structlog

from common.broker import (
    BatchHandler,
    BrokerUnavailable,
    ConnectionListener,
    Listener,
    Outgoing,
    Publisher,
)

log = structlog.get_logger(__name__)

BATCH = 100
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 5.0
PATIENCE_SECONDS = 10.0
"""How long a message waits for a group that was declared and does not consume yet."""


class InProcessBroker:
    """Hands messages over directly; keeps none."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._listeners: set[Listener] = set()

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        """A publisher; there is nothing to connect to."""
        yield _InProcessPublisher(self._groups, self._listeners)

    async def declare(self, group: str, types: Collection[str]) -> None:
        """Let what is published from now on wait for this group."""
        self._groups.setdefault(group, _Group(group)).bind(types)

    async def consume(
        self,
        group: str,
        types: Collection[str],
        handler: BatchHandler,
        undelivered: BatchHandler | None = None,
    ) -> None:
        """Be the group's handler until cancelled. Nothing is ever given up here."""
        await self.declare(group, types)
        await self._groups[group].serve(handler)

    async def listen(self, on_message: Listener, on_connection: ConnectionListener) -> None:
        """Hear every message until cancelled; the connection is never lost."""
        self._listeners.add(on_message)
        on_connection(True)
        try:
            await asyncio.Event().wait()
        finally:
            self._listeners.discard(on_message)
            on_connection(False)


class _Group:
    """One consuming service: its types, and its handler while it runs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._patterns: list[re.Pattern[str]] = []
        self._handler: BatchHandler | None = None
        self._there = asyncio.Event()
        self._turn = asyncio.Lock()

    def bind(self, types: Collection[str]) -> None:
        known = {pattern.pattern for pattern in self._patterns}
        for type_name in types:
            words = re.escape(type_name).replace(r"\*", r"[^.]*").replace(r"\#", ".*")
            if words not in known:
                self._patterns.append(re.compile(words))

    def wants(self, message: Outgoing) -> bool:
        return any(pattern.fullmatch(message.type) for pattern in self._patterns)

    async def serve(self, handler: BatchHandler) -> None:
        self._handler = handler
        self._there.set()
        try:
            await asyncio.Event().wait()
        finally:
            if self._handler is handler:
                self._handler = None
                self._there.clear()

    async def hand_over(self, bodies: Sequence[bytes]) -> None:
        """Return once the handler has committed; the same batch again as often as it fails."""
        pause = FIRST_PAUSE
        async with self._turn:
            while True:
                handler = await self._when_there()
                try:
                    await handler(bodies)
                except Exception as error:
                    log.warning("batch_retried", group=self._name, why=repr(error))
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                else:
                    return

    async def _when_there(self) -> BatchHandler:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._handler is None:
                    await self._there.wait()
        except TimeoutError:
            raise BrokerUnavailable(f"{self._name} is declared and does not consume") from None
        return self._handler


class _InProcessPublisher:
    def __init__(self, groups: dict[str, _Group], listeners: set[Listener]) -> None:
        self._groups = groups
        self._listeners = listeners

    async def publish(self, messages: Sequence[Outgoing]) -> int:
        """How many of the leading messages have had their effect everywhere."""
        safe = 0
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            try:
                await self._hand_to_all(batch)
            except BrokerUnavailable:
                if not safe:
                    raise
                return safe
            safe += len(batch)
        return safe

    async def _hand_to_all(self, batch: Sequence[Outgoing]) -> None:
        # caches hear of it first: who reads because of the effects must not get an older page
        for listener in list(self._listeners):
            for message in batch:
                listener(message.body)
        wanted = [
            (group, bodies)
            for group in list(self._groups.values())
            if (bodies := [message.body for message in batch if group.wants(message)])
        ]
        await asyncio.gather(*(group.hand_over(bodies) for group, bodies in wanted))
