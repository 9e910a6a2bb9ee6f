"""A service guarded from us: so many requests at once, and none while it only fails."""

import asyncio
from math import ceil

import structlog
from prometheus_client import Counter, Gauge

from gateway.answers import Refused, Send
from gateway.breaker import Breaker
from gateway.forwarding import (
    RETRY_AFTER,
    AnswerCut,
    Call,
    Upstream,
    UpstreamBroken,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.inbound import Inbound

UNDER_WAY = Gauge("cartulary_upstream_requests", "Requests under way to a service", ["service"])
OPEN = Gauge("cartulary_upstream_breaker_open", "1 while a service is left alone", ["service"])
SHED = Counter(
    "cartulary_upstream_refused_total", "Requests not sent to a service", ["service", "reason"]
)
_FAILURES = (UpstreamUnavailable, UpstreamBroken, UpstreamTimeout, AnswerCut)

log = structlog.get_logger(__name__)


KEPT_SHARE = 0.2
"""Of what a service takes at once, for its critical routes."""


class Overloaded(Refused):
    """As many requests as the service can take are under way."""

    status = 503
    code = "overloaded"
    detail = "A part of the system has more to do than it can. Try again shortly."


class Guarded:
    """An upstream that refuses at once what would only wait or fail.

    `most` is how many requests may be under way; those that are not critical leave some of it free.
    """

    def __init__(self, name: str, upstream: Upstream, *, most: int, breaker: Breaker) -> None:
        self._name = name
        self._upstream = upstream
        self._most = {True: most, False: most - int(most * KEPT_SHARE)}
        self._breaker = breaker
        self._busy = 0
        self._under_way = UNDER_WAY.labels(name)

    @property
    def breaker(self) -> str:
        """The breaker's state."""
        return self._breaker.state

    async def start(self) -> None:
        """See `Upstream.start`."""
        await self._upstream.start()

    async def close(self) -> None:
        """See `Upstream.close`."""
        await self._upstream.close()

    async def forward(self, call: Call, inbound: Inbound, send: Send) -> None:
        """See `Upstream.forward`. Raises also `Overloaded`."""
        clock = asyncio.get_running_loop().time
        self._admit(clock(), critical=call.critical)
        self._busy += 1
        self._under_way.set(self._busy)
        try:
            await self._upstream.forward(call, inbound, send)
        except _FAILURES as error:
            self._note_failure(clock(), error)
            raise
        except BaseException:
            self._breaker.unknown()  # the client's doing tells nothing about the service
            raise
        else:
            self._note_success()
        finally:
            self._busy -= 1
            self._under_way.set(self._busy)

    def _admit(self, now: float, *, critical: bool) -> None:
        if self._busy >= self._most[critical]:
            SHED.labels(self._name, "overloaded").inc()
            raise Overloaded(headers=(RETRY_AFTER,))
        if not self._breaker.lets_in(now):
            SHED.labels(self._name, "breaker").inc()
            wait = b"%d" % max(1, ceil(self._breaker.wait(now)))
            raise UpstreamUnavailable(headers=((b"retry-after", wait),))

    def _note_failure(self, now: float, error: Exception) -> None:
        before = self._breaker.state
        self._breaker.failed(now)
        if self._breaker.state == "open" and before == "closed":
            OPEN.labels(self._name).set(1)
            log.warning("breaker_opened", service=self._name, reason=type(error).__name__)

    def _note_success(self) -> None:
        if self._breaker.state != "closed":
            log.info("breaker_closed", service=self._name)
            OPEN.labels(self._name).set(0)
        self._breaker.succeeded()
