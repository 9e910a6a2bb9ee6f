"""How often somebody may ask, told exactly: what is left, and when there is more.

Counted in this process, or for all processes in Redis through `limits`. Its own store in memory is
not used: it starts a thread for every known key at every request, and nothing bounds the keys.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from math import ceil
from typing import ClassVar, Protocol

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from prometheus_client import Counter
from redis.asyncio import ConnectionPool

from gateway.answers import Header, Refused
from gateway.forwarding import RETRY_AFTER
from gateway.routes import RateLimit

MOST_KEYS = 50_000
STORE_SECONDS = 0.5

REQUESTS = Counter(
    "cartulary_rate_limited_requests_total", "Requests of limited routes", ["limit", "result"]
)

log = structlog.get_logger(__name__)


class RateLimited(Refused):
    """The quota is spent; `Retry-After` says when the next request will be let through."""

    status: ClassVar[int] = 429
    code: ClassVar[str] = "rate_limited"
    detail: ClassVar[str] = "That was too often. `Retry-After` says when to try again."


class LimitsAway(Refused):
    """The counts cannot be reached, and this route is not for guessing without them."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "unavailable"
    detail: ClassVar[str] = "This cannot be answered at the moment. Try again shortly."


@dataclass(frozen=True, slots=True)
class Count:
    """Whether a request was within its quota, how many more are, and in how many seconds the
    oldest one counted no longer is."""

    within: bool
    left: int
    seconds: float


class Counts(Protocol):
    """Requests of the last seconds, by key."""

    async def take(self, key: str, amount: int, seconds: int, now: datetime) -> Count:
        """Count one more request if it is within the quota. Raises `StorageError`, `OSError` or
        `TimeoutError` when the counts cannot be reached."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class CountsInMemory:
    """One process's counts. Beyond `MOST_KEYS` the longest unseen are forgotten."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, key: str, amount: int, seconds: int, now: datetime) -> Count:
        """See `Counts.take`."""
        at = now.timestamp()
        taken = self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        while taken and taken[0] <= at - seconds:
            taken.popleft()
        within = len(taken) < amount
        if within:
            taken.append(at)
        if len(self._taken) > MOST_KEYS:
            self._taken.popitem(last=False)
        return Count(within, amount - len(taken), taken[0] + seconds - at)

    async def close(self) -> None:
        """Nothing to let go of."""


class CountsInRedis:
    """Counts that several gateways share; each take is one atomic script."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=STORE_SECONDS, socket_connect_timeout=STORE_SECONDS
        )
        storage = RedisStorage(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="cartulary",
            connection_pool=self._pool,  # type: ignore[arg-type] # as its docstring says
        )
        self._window = MovingWindowRateLimiter(storage)

    async def take(self, key: str, amount: int, seconds: int, now: datetime) -> Count:
        """See `Counts.take`."""
        item = RateLimitItemPerSecond(amount, seconds)
        within = await self._window.hit(item, key)
        stats = await self._window.get_window_stats(item, key)
        return Count(within, max(0, stats.remaining), stats.reset_time - now.timestamp())

    async def close(self) -> None:
        """Let go of connections."""
        await self._pool.aclose()


class RateLimits:
    """Lets requests in. `scale` multiplies every quota; 0 lets all in uncounted."""

    def __init__(self, counts: Counts, *, scale: float = 1.0) -> None:
        self._counts = counts
        self._scale = scale

    async def admit(self, limit: RateLimit, who: str, now: datetime) -> tuple[Header, ...]:
        """Count a request of this caller; what its answer shall say of the limit.

        Raises `RateLimited`; `LimitsAway` where nothing can be counted and the limit fails closed.
        """
        if not self._scale:
            return ()
        amount = max(1, round(limit.amount * self._scale))
        try:
            key = f"{limit.name}/{who}"
            count = await self._counts.take(key, amount, limit.seconds, now)
        except (StorageError, OSError, TimeoutError) as error:
            return _uncounted(limit, error)
        headers = _headers(limit, amount, count)
        if not count.within:
            REQUESTS.labels(limit.name, "refused").inc()
            retry = b"%d" % max(1, ceil(count.seconds))
            raise RateLimited(headers=(*headers, (b"retry-after", retry)))
        REQUESTS.labels(limit.name, "let in").inc()
        return headers

    async def close(self) -> None:
        """Let go of connections."""
        await self._counts.close()


def household(address: str) -> str:
    """What is counted as one address: an IPv6 network of 64 bits, which one client may roam."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.packed[:8].hex() if parsed.version == 6 else address


def _headers(limit: RateLimit, amount: int, count: Count) -> tuple[Header, ...]:
    """Structured fields (draft-ietf-httpapi-ratelimit-headers)."""
    policy = f'"{limit.name}";q={amount};w={limit.seconds}'
    seconds = min(limit.seconds, max(0, ceil(count.seconds)))
    state = f'"{limit.name}";r={count.left};t={seconds}'
    return (b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())


def _uncounted(limit: RateLimit, error: Exception) -> tuple[Header, ...]:
    result = "failed closed" if limit.fails_closed else "failed open"
    REQUESTS.labels(limit.name, result).inc()
    log.warning("rate_limit_uncounted", limit=limit.name, reason=type(error).__name__)
    if limit.fails_closed:
        raise LimitsAway(headers=(RETRY_AFTER,)) from error
    return ()
