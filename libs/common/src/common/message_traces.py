"""What is told of messages that went out or came in, so that a request's id finds them.

One line for a batch, not one a message: a relay publishes thousands a second.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from prometheus_client import Histogram

from common.event_store import Recorded
from common.messages import Envelope
from common.reporting import note_span, tracing

log = structlog.get_logger(__name__)

LAG = Histogram(
    "cartulary_consumer_lag_seconds",
    "From the record of an event to its effect here",
    ["consumer"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600, 3600),
)


def tell_published(service: str, published: Sequence[Recorded], seconds: float) -> None:
    """These facts are with the broker; it took so long for all of them."""
    if not published:
        return
    ids = _requests(record.meta.get("correlation") for record in published)
    log.info("messages_published", service=service, count=len(published), correlation_ids=ids)
    if tracing():
        for record in published:
            note_span(f"publish {record.type}", record.meta.get("traceparent"), seconds)


def tell_handled(consumer: str, handled: Sequence[Envelope], seconds: float, now: datetime) -> None:
    """These messages have had their effect by now; it took so long for all of them."""
    if not handled:
        return
    lag = LAG.labels(consumer)
    for envelope in handled:
        lag.observe(envelope.age(now))
    ids = _requests(envelope.correlation_id for envelope in handled)
    log.info("messages_handled", consumer=consumer, count=len(handled), correlation_ids=ids)
    if tracing():
        for envelope in handled:
            note_span(f"handle {envelope.type}", envelope.traceparent, seconds)


def _requests(ids: Iterable[str | None]) -> list[str]:
    """Each once; what a timer caused goes back to none."""
    return list(dict.fromkeys(id for id in ids if id is not None))
