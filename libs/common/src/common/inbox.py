"""Messages of other services: each has its effect once, in the order of its stream.

One row per (consumer, source, stream) with the last version seen tells duplicates (skip),
successors (apply) and losses (fetch what is missing) apart, without a time window. A message that
can never be handled parks its stream, raw; the other streams go on.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import uuid5

import asyncpg
import structlog
from prometheus_client import Counter

from common.clock import Clock
from common.command_handling import Commands
from common.database import OUTCOME_UNKNOWN, Transaction
from common.event_store import Cause, VersionConflict
from common.messages import ConsumedEvent, Envelope, MalformedMessage
from common.parking import Parked, Reason, park
from common.problems import Unavailable
from common.statements import Write
from common.wire import WireSeal

log = structlog.get_logger(__name__)

HANDLED = Counter("cartulary_inbox_messages_total", "Messages by outcome", ["consumer", "outcome"])

TRANSIENT = (
    *OUTCOME_UNKNOWN,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
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


MissingMessages = Callable[[str, str, int], Awaitable[Sequence[bytes]]]
"""The producer's feed: (source, stream, after) → its public messages. Raises when it is away."""


class GapFound(Exception):
    """Messages before this one have not arrived."""

    def __init__(self, envelope: Envelope, last_version: int) -> None:
        super().__init__(f"{envelope.stream} {last_version} → {envelope.version}")
        self.envelope = envelope
        self.last_version = last_version


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

    async def _apply_alone(self, envelope: Envelope, raw: bytes) -> None:
        try:
            await self._apply([(envelope, raw)])
        except TRANSIENT:
            raise
        except GapFound as gap:
            await self._close_gap(gap, raw)
        except Exception as error:
            log.exception("message_parked", consumer=self.consumer, message=str(envelope.id))
            await self._park(envelope, raw, Reason.POISON, type(error).__name__)

    async def _close_gap(self, gap: GapFound, raw: bytes) -> None:
        """Fetch what is missing and apply it before the message; else park the stream."""
        envelope = gap.envelope
        log.warning("gap_found", consumer=self.consumer, stream=envelope.stream)
        HANDLED.labels(self.consumer, "gap").inc()
        try:
            found = await self._missing(envelope.source, envelope.stream, gap.last_version)
        except Exception as error:
            log.warning("feed_is_away", source=envelope.source, why=repr(error))
            await self._park(envelope, raw, Reason.GAP, type(error).__name__)
            return
        earlier = [(Envelope.from_bytes(one), one) for one in found]
        try:
            await self._apply([pair for pair in earlier if pair[0].version < envelope.version])
            await self._apply([(envelope, raw)])
        except TRANSIENT:
            raise
        except GapFound:
            await self._park(envelope, raw, Reason.GAP, "the feed does not have them either")
        except Exception as error:
            log.exception("message_parked", consumer=self.consumer, message=str(envelope.id))
            await self._park(envelope, raw, Reason.POISON, type(error).__name__)

    async def _park(self, envelope: Envelope, raw: bytes, reason: Reason, error: str) -> None:
        async with self._commands.database.transaction() as transaction:
            parked = Parked.message(self.consumer, envelope, raw, reason, error, self._now())
            await park(transaction, parked)
        HANDLED.labels(self.consumer, "parked").inc()

    async def _apply(self, messages: Sequence[tuple[Envelope, bytes]]) -> None:
        if not messages:
            return
        async with self._commands.database.transaction() as transaction:
            rows = await self._rows(transaction, messages)
            writes: list[Write] = []
            for envelope, raw in messages:
                key = (envelope.source, envelope.stream)
                last, parked = rows[key]
                verdict = judge(last, parked, envelope.prev, envelope.version)
                if verdict is Verdict.GAP:
                    raise GapFound(envelope, last)
                if verdict is Verdict.PARKED:
                    await self._queue_behind(transaction, envelope, raw)
                elif verdict is Verdict.APPLY:
                    await self._effects(transaction, envelope, writes)
                    rows[key] = (envelope.version, parked)
                HANDLED.labels(self.consumer, verdict.value).inc()
            await transaction.write(writes)
            await self._move(transaction, rows)

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

    async def _rows(
        self, transaction: Transaction, messages: Sequence[tuple[Envelope, bytes]]
    ) -> dict[tuple[str, str], tuple[int, bool]]:
        keys = sorted({(envelope.source, envelope.stream) for envelope, _ in messages})
        sources, streams = zip(*keys, strict=True)
        arguments = (self.consumer, list(sources), list(streams))
        await transaction.connection.execute(_KNOW, *arguments)
        rows = await transaction.connection.fetch(_LOCK, *arguments)
        return {(r["source"], r["stream"]): (r["last_version"], r["parked"]) for r in rows}

    async def _move(
        self, transaction: Transaction, rows: Mapping[tuple[str, str], tuple[int, bool]]
    ) -> None:
        sources, streams = zip(*rows, strict=True)
        versions = [version for version, _ in rows.values()]
        await transaction.connection.execute(
            _MOVE, self.consumer, list(sources), list(streams), versions
        )

    def _now(self) -> datetime:
        return self._clock.now()


_KNOW = """
    insert into inbox (consumer, source, stream, last_version)
    select $1, source, stream, 0 from unnest($2::text[], $3::text[]) as new (source, stream)
     order by source, stream
        on conflict do nothing"""
_LOCK = """
    select source, stream, last_version, parked from inbox
     where consumer = $1
       and (source, stream) in (select * from unnest($2::text[], $3::text[]))
     order by source, stream for update"""
_MOVE = """
    update inbox set last_version = greatest(inbox.last_version, new.version)
      from unnest($2::text[], $3::text[], $4::int[]) as new (source, stream, version)
     where consumer = $1 and inbox.source = new.source and inbox.stream = new.stream
       and inbox.last_version < new.version"""
