"""Messages of other services: each has its effect once, in the order of its stream.

One row per (consumer, source, stream) with the last version seen tells duplicates (skip),
successors (apply) and losses (fetch what is missing) apart, without a time window. A message that
can never be handled parks its stream, raw; the other streams go on.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import uuid5

import asyncpg
import prometheus_client
import structlog

from common.clock import Clock
from common.command_handling import Commands
from common.database import OUTCOME_UNKNOWN, Transaction
from common.event_store import Cause, VersionConflict
from common.inbox_rows import lock_rows, move_rows
from common.message_traces import tell_handled
from common.messages import ConsumedEvent, Envelope, MalformedMessage
from common.parking import Parked, Reason, park, settle
from common.problems import Unavailable
from common.statements import Write
from common.wire import WireSeal

log = structlog.get_logger(__name__)

HANDLED = prometheus_client.Counter(
    "cartulary_inbox_messages_total", "Messages by outcome", ["consumer", "outcome"]
)

TRANSIENT = (
    *OUTCOME_UNKNOWN,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TooManyConnectionsError,
    VersionConflict,
    Unavailable,
)
"""Trouble that passes: nothing was committed, the same batch is tried again."""


class Verdict(Enum):
    """What the inbox row says of a message."""

    APPLY = "applied"
    DUPLICATE = "duplicate"
    GAP = "gap"
    PARKED = "parked"


def judge(last_version: int, stream_is_parked: bool, prev: int, version: int) -> Verdict:
    """Whether this message is the next one of its stream."""
    if version <= last_version:
        return Verdict.DUPLICATE
    if stream_is_parked:
        return Verdict.PARKED
    return Verdict.APPLY if prev <= last_version else Verdict.GAP


@dataclass(frozen=True)
class Received:
    """What a reaction may use: the batch's transaction, the message's envelope, commands."""

    transaction: Transaction
    envelope: Envelope
    commands: Commands
    now: datetime

    def cause(self, n: int = 0) -> Cause:
        """The cause of the n-th command of this reaction: the same id however often it runs."""
        return Cause(
            command_id=uuid5(self.envelope.id, f"{self.envelope.type}/{n}"),
            now=self.now,
            correlation_id=self.envelope.correlation_id,
            causation_id=str(self.envelope.id),
            traceparent=self.envelope.traceparent,
        )


@dataclass(frozen=True)
class Reaction:
    """What one service does when it hears a message: commands and writes in the transaction."""

    message: type[ConsumedEvent]
    react: Callable[[Any, Received], Awaitable[None]]


@dataclass(frozen=True)
class MessageView:
    """Rows that follow from a message: pure, so a batch of them becomes few round trips."""

    message: type[ConsumedEvent]
    project: Callable[[Any, Envelope], Iterable[Write]]


NOT_IN_THE_FEED = "the feed does not have them either"

MissingMessages = Callable[[str, str, int], Awaitable[Sequence[bytes]]]
"""The producer's feed: (source, stream, after) → its public messages. Raises when it is away."""


class FeedAway(Exception):
    """The producer's feed could not be asked; the text is the kind of the error."""


class GapFound(Exception):
    """Messages before this one have not arrived, and the feed does not have them either."""

    def __init__(self, envelope: Envelope, last_version: int) -> None:
        super().__init__(f"{envelope.stream} {last_version} → {envelope.version}")
        self.envelope = envelope
        self.last_version = last_version


def why(error: Exception) -> str:
    """What may be kept of an error: our own words, else its kind, for a text may quote a person."""
    return str(error) if isinstance(error, MalformedMessage) else type(error).__name__


class Inbox:
    """Handles the batches of one consumer group."""

    def __init__(
        self,
        consumer: str,
        commands: Commands,
        handlers: Sequence[Reaction | MessageView],
        seal: WireSeal,
        missing: MissingMessages,
        clock: Clock,
    ) -> None:
        self.consumer = consumer
        self._commands = commands
        self._handlers = {handler.message.type_name: handler for handler in handlers}
        self._families = {name.rpartition(".")[0]: name for name in self._handlers}
        self._seal = seal
        self._missing = missing
        self._clock = clock

    @property
    def types(self) -> list[str]:
        """What to bind: everything its sources publish, for only so is a loss seen."""
        return sorted({f"{name.partition('.')[0]}.*.*" for name in self._handlers})

    @property
    def message_views(self) -> list[str]:
        """The types whose messages become rows here: their log is another service's."""
        views = (h for h in self._handlers.values() if isinstance(h, MessageView))
        return sorted(view.message.type_name for view in views)

    async def handle(self, batch: Sequence[bytes]) -> None:
        """Apply a batch in one transaction; if one of it fails, each in one of its own.

        Raises only transient errors, after which the same batch must come again.
        """
        envelopes = [e for raw in batch if (e := await self._read(raw)) is not None]
        try:
            await self._apply([(e, raw) for e, raw in envelopes])
        except TRANSIENT:
            raise
        except Exception as error:
            log.info("batch_is_taken_apart", consumer=self.consumer, why=type(error).__name__)
            for envelope, raw in envelopes:
                await self._apply_alone(envelope, raw)

    async def _read(self, raw: bytes) -> tuple[Envelope, bytes] | None:
        try:
            return Envelope.from_bytes(raw), raw
        except MalformedMessage as error:
            async with self._commands.database.transaction() as transaction:
                await park(
                    transaction, Parked.malformed(self.consumer, raw, str(error), self._now())
                )
            HANDLED.labels(self.consumer, "malformed").inc()
            return None

    async def replay(self, envelope: Envelope, raw: bytes, letter: int) -> None:
        """Handle a parked message by the code that handles new ones, and take it from the parked.

        `letter` is its id there. Raises what its handling raises, `FeedAway` and `GapFound`.
        """
        try:
            await self._apply([(envelope, raw)], [letter])
        except GapFound as gap:
            for earlier in await self._before(gap):
                await self._apply([earlier], [])
            await self._apply([(envelope, raw)], [letter])

    async def _apply_alone(self, envelope: Envelope, raw: bytes, *, fetch: bool = True) -> None:
        try:
            await self._apply([(envelope, raw)])
        except TRANSIENT:
            raise
        except GapFound as gap:
            if fetch:
                await self._close_gap(gap, raw)
            else:
                await self._park(envelope, raw, Reason.GAP, NOT_IN_THE_FEED)
        except Exception as error:
            log.exception("message_parked", consumer=self.consumer, message=str(envelope.id))
            await self._park(envelope, raw, Reason.POISON, why(error))

    async def _close_gap(self, gap: GapFound, raw: bytes) -> None:
        """Fetch what is missing and apply it before the message; else park the stream."""
        log.warning("gap_found", consumer=self.consumer, stream=gap.envelope.stream)
        HANDLED.labels(self.consumer, "gap").inc()
        try:
            earlier = await self._before(gap)
        except FeedAway as error:
            await self._park(gap.envelope, raw, Reason.GAP, str(error))
            return
        for pair in earlier:
            await self._apply_alone(*pair, fetch=False)
        await self._apply_alone(gap.envelope, raw, fetch=False)

    async def _before(self, gap: GapFound) -> list[tuple[Envelope, bytes]]:
        """What the feed has between the last version seen and the message. Raises `FeedAway`."""
        envelope = gap.envelope
        try:
            found = await self._missing(envelope.source, envelope.stream, gap.last_version)
            pairs = [(Envelope.from_bytes(one), one) for one in found]
        except Exception as error:
            log.warning("feed_is_away", source=envelope.source, why=repr(error))
            raise FeedAway(type(error).__name__) from error
        return [pair for pair in pairs if pair[0].version < envelope.version]

    async def _park(self, envelope: Envelope, raw: bytes, reason: Reason, error: str) -> None:
        async with self._commands.database.transaction() as transaction:
            parked = Parked.message(self.consumer, envelope, raw, reason, error, self._now())
            await park(transaction, parked)
        HANDLED.labels(self.consumer, "parked").inc()

    async def _apply(
        self, messages: Sequence[tuple[Envelope, bytes]], letters: Sequence[int] | None = None
    ) -> None:
        """`letters`: a parked stream is replayed, and these of its letters are then done."""
        if not messages:
            return
        started, applied = time.perf_counter(), list[Envelope]()
        async with self._commands.database.transaction() as transaction:
            streams = {(envelope.source, envelope.stream) for envelope, _ in messages}
            rows = await lock_rows(transaction, self.consumer, streams)
            writes: list[Write] = []
            verdicts: Counter[Verdict] = Counter()
            for envelope, raw in messages:
                key = (envelope.source, envelope.stream)
                last, parked = rows[key]
                verdict = judge(last, parked and letters is None, envelope.prev, envelope.version)
                if verdict is Verdict.GAP:
                    raise GapFound(envelope, last)
                if verdict is Verdict.PARKED:
                    await self._queue_behind(transaction, envelope, raw)
                elif verdict is Verdict.APPLY:
                    await self._effects(transaction, envelope, writes)
                    applied.append(envelope)
                    rows[key] = (envelope.version, parked)
                verdicts[verdict] += 1
            await move_rows(transaction, self.consumer, rows, writes)
            await settle(transaction, letters or ())
        tell_handled(self.consumer, applied, time.perf_counter() - started)
        for verdict, count in verdicts.items():
            HANDLED.labels(self.consumer, verdict.value).inc(count)

    async def _effects(
        self, transaction: Transaction, envelope: Envelope, writes: list[Write]
    ) -> None:
        """Add a view's writes to the batch's; a reaction runs at once, after those before it."""
        handler = self._handlers.get(envelope.type)
        if handler is None:
            if envelope.type.rpartition(".")[0] in self._families:
                raise MalformedMessage(f"{envelope.type} is a version that is not known here")
            return
        message = self._seal.load(handler.message, envelope)
        if isinstance(handler, MessageView):
            writes += handler.project(message, envelope)
            return
        await transaction.write(writes)
        writes.clear()
        received = Received(transaction, envelope, self._commands, self._now())
        await handler.react(message, received)

    async def _queue_behind(self, transaction: Transaction, envelope: Envelope, raw: bytes) -> None:
        """Its stream is parked: keep it, in order, behind the message that could not be handled."""
        parked = Parked.message(
            self.consumer, envelope, raw, Reason.BEHIND, "an earlier message is parked", self._now()
        )
        await park(transaction, parked)

    def _now(self) -> datetime:
        return self._clock.now()
