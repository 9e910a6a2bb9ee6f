"""Which other sites' scripts may read answers: those that the settings name, else none."""

from collections.abc import Mapping, Sequence

from gateway.answers import Answer, Header

ANY = "*"
PREFLIGHT_SECONDS = b"600"
_METHOD = b"access-control-request-method"
_TOLD = (
    b"cache-status, etag, idempotent-replayed, link, location, ratelimit, ratelimit-policy, "
    b"retry-after, x-request-id"
)
_TAKEN = (
    b"accept, accept-language, authorization, content-type, idempotency-key, if-match, "
    b"if-none-match, last-event-id, prefer, range, traceparent, x-request-id"
)


class Cors:
    """`credentials` lets browsers send cookies along; ours are none, yet a proxy may have some."""

    def __init__(self, origins: Sequence[str] = (), *, credentials: bool = False) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = ANY in origins
        self._credentials = credentials

    def headers(self, asked: Mapping[bytes, bytes]) -> list[Header]:
        """What the answer to this request says to browsers."""
        if not self._origins:
            return []
        told: list[Header] = [] if self._any else [(b"vary", b"origin")]
        origin = asked.get(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return told
        told.append((b"access-control-allow-origin", ANY.encode() if self._any else origin))
        told.append((b"access-control-expose-headers", _TOLD))
        if self._credentials:
            told.append((b"access-control-allow-credentials", b"true"))
        return told

    def preflight(self, method: str, asked: Mapping[bytes, bytes], allow: str) -> Answer | None:
        """The answer to a browser that asks before it sends; nothing if this is another request."""
        if method != "OPTIONS" or not self._origins:
            return None
        if b"origin" not in asked or _METHOD not in asked:
            return None
        return Answer(
            204,
            (
                (b"access-control-allow-methods", allow.encode()),
                (b"access-control-allow-headers", _TAKEN),
                (b"access-control-max-age", PREFLIGHT_SECONDS),
            ),
        )


def refused(origins: Sequence[str], *, credentials: bool) -> list[str]:
    """What speaks against such settings."""
    found = []
    if ANY in origins and credentials:
        found.append("CORS_ORIGINS: every site with credentials would be everybody's door")
    for origin in origins:
        scheme, _, host = origin.partition("://")
        if origin != ANY and (scheme not in ("http", "https") or not host or "/" in host):
            found.append(f"CORS_ORIGINS: {origin!r} is not an origin like https://example.org")
    return found
