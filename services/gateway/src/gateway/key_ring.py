"""Auth's public keys, at hand: stale ones serve on while auth is away, good ones are never lost."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson
import structlog
from common.access_tokens import read_jwks
from common.clock import Clock
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.answers import Refused
from gateway.forwarding import AnswerCut, Upstream, fetch

JWKS_PATH = "/.well-known/jwks.json"
FETCH_SECONDS = 2.0
FRESH_SECONDS = 300.0
RETRY_SECONDS = 1.0
FORCED_EVERY = timedelta(seconds=30)
FIRST_EVERY = timedelta(seconds=1)

log = structlog.get_logger(__name__)


class KeyRing:
    """The keys by their `kid`. `keys` is replaced, never changed: a new object means new keys."""

    def __init__(self, auth: Upstream, clock: Clock) -> None:
        self.keys: Mapping[str, Ed25519PublicKey] = {}
        self._auth = auth
        self._clock = clock
        self._forced_at: datetime | None = None
        self._forcing = asyncio.Lock()

    async def keep_fresh(self) -> None:
        """Read the keys now and again, until cancelled."""
        while True:
            fresh = await self.refresh()
            await asyncio.sleep(FRESH_SECONDS if fresh else RETRY_SECONDS)

    async def learn(self) -> None:
        """Look for a key that we do not know; so often that made-up names cost auth nothing."""
        async with self._forcing:
            now = self._clock.now()
            pause = FORCED_EVERY if self.keys else FIRST_EVERY
            if self._forced_at is None or now - self._forced_at >= pause:
                self._forced_at = now
                await self.refresh()

    async def refresh(self) -> bool:
        """Read the keys; whether that worked. An unreadable or empty set changes nothing."""
        try:
            answer = await fetch(self._auth, JWKS_PATH, budget=FETCH_SECONDS)
            keys = read_jwks(orjson.loads(answer.body))
        except (Refused, AnswerCut) as error:
            log.warning("keys_not_read", reason=type(error).__name__)
            return False
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("keys_not_understood", reason=type(error).__name__)
            return False
        if keys and _raw(keys) != _raw(self.keys):
            log.info("keys_changed", count=len(keys))
            self.keys = keys
        return bool(keys)


def _raw(keys: Mapping[str, Ed25519PublicKey]) -> dict[str, bytes]:
    return {kid: key.public_bytes_raw() for kid, key in keys.items()}
