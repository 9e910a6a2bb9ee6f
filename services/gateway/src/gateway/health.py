"""Whether the system answers: each part's state, asked at most once a second whoever asks."""

import asyncio
from collections.abc import Mapping

import orjson

from gateway.answers import Answer, Refused
from gateway.edge_cache import EdgeCache
from gateway.forwarding import AnswerCut, Upstream, fetch
from gateway.guarding import Guarded
from gateway.key_ring import KeyRing
from gateway.refused_tokens import EndedSessions

PROBE_SECONDS = 1.0
REMEMBER_SECONDS = 1.0
_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


class Health:
    """Answers `/health`, `/livez` and `/readyz`."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        *,
        ring: KeyRing,
        ends: EndedSessions,
        cache: EdgeCache,
        guarded: Mapping[str, Guarded],
    ) -> None:
        self._upstreams = upstreams
        self._ring = ring
        self._ends = ends
        self._cache = cache
        self._guarded = guarded
        self._draining = False
        self._probing = asyncio.Lock()
        self._answer = Answer(503, _HEADERS)
        self._asked_at = float("-inf")

    def drain(self) -> None:
        """From now on `/readyz` says no."""
        self._draining = True

    async def health(self) -> Answer:
        """All parts by name; 503 when a service is away, 200 when only the messages are."""
        async with self._probing:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at >= REMEMBER_SECONDS:
                self._answer = await self._probe_all()
                self._asked_at = now
            return self._answer

    async def live(self) -> Answer:
        """The process runs."""
        return _json(200, {"status": "ok"})

    async def ready(self) -> Answer:
        """Whether requests can be served: callers are known by auth's keys, and ends of sessions
        that came before this gateway are known as well."""
        parts = {
            "keys": bool(self._ring.keys),
            "ended sessions": self._ends.known,
            "service": not self._draining,
        }
        missing = [name for name, known in parts.items() if not known]
        status = "not ready" if missing else "ok"
        return _json(503 if missing else 200, {"status": status, "missing": missing})

    async def _probe_all(self) -> Answer:
        states = await asyncio.gather(*map(_probe, self._upstreams.values()))
        services = dict(zip(self._upstreams, states, strict=True))
        parts = {**services, "messages": "ok" if self._cache.on else "unavailable"}
        ok = all(state == "ok" for state in parts.values())
        away = any(state != "ok" for state in services.values())
        breakers = {name: guarded.breaker for name, guarded in self._guarded.items()}
        document = {"status": "ok" if ok else "degraded", "parts": parts, "breakers": breakers}
        return _json(503 if away else 200, document)


async def _probe(upstream: Upstream) -> str:
    try:
        answer = await fetch(upstream, "/readyz", budget=PROBE_SECONDS)
    except (Refused, AnswerCut):
        return "unavailable"
    return "ok" if answer.status == 200 else "unavailable"


def _json(status: int, document: object) -> Answer:
    return Answer(status, _HEADERS, orjson.dumps(document))
