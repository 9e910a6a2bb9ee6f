"""What passes: known request headers and query names inwards, no internals outwards.

Names are compared as the server gives them, in lower case and whole. So `cartulary_identity` is not
`cartulary-identity` and passes as little as every other unknown name.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from operator import itemgetter
from typing import NamedTuple

from common.access_tokens import IDENTITY_HEADER

from gateway.answers import Header, Refused

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024

IDENTITY = IDENTITY_HEADER.encode()
_BODY_HEADERS = (b"content-length", b"content-type")
_LISTS = frozenset({b"accept", b"accept-language", b"if-match", b"if-none-match", b"prefer"})
FORWARDED_FOR = b"x-forwarded-for"
_JOINED = _LISTS | {b"connection", FORWARDED_FOR}
FORWARDED = _LISTS | {
    *_BODY_HEADERS,
    b"idempotency-key",
    b"range",
    b"stripe-signature",
    b"user-agent",
}
_READ = FORWARDED | {
    FORWARDED_FOR,
    b"access-control-request-method",
    b"authorization",
    b"connection",
    b"host",
    b"last-event-id",
    b"origin",
    b"traceparent",
    b"transfer-encoding",
    b"x-request-id",
}
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]{0,5})?"
)
"""RFC 3986's host and port: an address in brackets, or a name."""
_KEPT_BACK = frozenset(
    {
        b"cache-tags",
        b"connection",
        b"date",  # the server writes these two itself
        b"server",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-connection",
        b"te",
        b"traceparent",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"x-powered-by",
        b"x-request-id",
        IDENTITY,
    }
)
STRICT_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_CACHE_CONTROL: Header = (b"cache-control", b"private, no-cache")
_POLICY: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    _POLICY,
    _CACHE_CONTROL,
)


class DuplicateHeader(Refused):
    """A header that says one thing came twice; whom to believe is not ours to guess."""

    status = 400
    code = "duplicate_header"
    detail = "A request header that has a single value was sent more than once."


class InvalidHost(Refused):
    """Without its one `Host` a request may mean one site here and another at a proxy before us."""

    status = 400
    code = "invalid_host"
    detail = "The request's Host header is missing or names no host."


class HeadersTooLarge(Refused):
    """More header than anything here needs."""

    status = 431
    code = "headers_too_large"
    detail = "The request's headers are too many or too large."


def read_headers(headers: Collection[Header], http_version: str = "1.1") -> dict[bytes, bytes]:
    """The headers that the gateway or a service may look at; lists on several lines are joined.

    Raises `DuplicateHeader`, `HeadersTooLarge` and `InvalidHost` (RFC 9112, 3.2).
    """
    if len(headers) > MAX_HEADERS:
        raise HeadersTooLarge
    kept: dict[bytes, bytes] = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name not in _READ:
            continue
        if name in kept:
            value = _joined(name, kept[name], value)
        kept[name] = value
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge
    host = kept.get(b"host")
    if http_version == "1.1" if host is None else _HOST.fullmatch(host) is None:
        raise InvalidHost
    if b"connection" in kept:
        _drop_nominated(kept, kept[b"connection"])
    return kept


def forwarded_headers(headers: Mapping[bytes, bytes], *, body: bool) -> list[Header]:
    """What a service gets of the client's headers."""
    return [
        (name, value)
        for name, value in headers.items()
        if name in FORWARDED and (body or name not in _BODY_HEADERS)
    ]


def known_query(query: bytes, allowed: Collection[bytes]) -> bytes:
    """The query with its known names only, in the order of the names: one text for one meaning."""
    if not query:
        return query
    named = [(pair.partition(b"=")[0], pair) for pair in query.split(b"&")]
    kept = [(name, pair) for name, pair in named if name in allowed]
    return b"&".join(pair for _, pair in sorted(kept, key=itemgetter(0)))


class Outward(NamedTuple):
    """An answer's headers as the client may see them, and the cache tags that it must not see."""

    headers: list[Header]
    tags: tuple[str, ...]


def outward(headers: Iterable[Header]) -> Outward:
    """Keep internals back, and say what a careful browser wants to hear if the service did not."""
    passed: list[Header] = []
    names: set[bytes] = set()
    tags: tuple[str, ...] = ()
    for header in headers:
        name = header[0]
        if name in _KEPT_BACK:
            tags += _tags(header[1]) if name == b"cache-tags" else ()
        else:
            passed.append(header)
            names.add(name)
    passed += [header for header in _SECURITY if header[0] not in names]
    return Outward(passed, tags)


def _joined(name: bytes, first: bytes, second: bytes) -> bytes:
    if name not in _JOINED:
        raise DuplicateHeader(f"The header {name.decode('latin-1')} was sent more than once.")
    return first + b", " + second


def _drop_nominated(headers: dict[bytes, bytes], connection: bytes) -> None:
    for name in connection.lower().split(b","):
        if name.strip() != FORWARDED_FOR:  # what our own proxy says is not its client's to delete
            headers.pop(name.strip(), None)


def _tags(value: bytes) -> tuple[str, ...]:
    # no tag holds a blank: one between two must not make a tag of both, which nothing ever purges
    return tuple(value.decode("latin-1").replace(",", " ").split())
