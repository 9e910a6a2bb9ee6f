"""The gateway's own pages: a front door and the API's documentation. No host but ours is asked.

Swagger UI comes from the files that PyPI's `fastapi-offline` ships.
"""

from base64 import b64encode
from functools import cache
from hashlib import blake2b, sha256
from html import escape
from importlib.resources import files
from string import Template
from uuid import UUID

from gateway.answers import Answer, Header

_ASSETS = {
    "start.js": ("gateway", b"text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": ("fastapi_offline", b"text/javascript; charset=utf-8"),
    "swagger-ui.css": ("fastapi_offline", b"text/css; charset=utf-8"),
    "favicon.png": ("fastapi_offline", b"image/png"),
}
ASSETS = tuple(_ASSETS)

_DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


def landing(demo_card_id: UUID | None) -> Answer:
    """What this is, and where to go from here."""
    card = [("See a card", f"/view/{demo_card_id}")] if demo_card_id else []
    links = [*card, ("Read the API", "/docs"), ("System health", "/health")]
    anchors = "".join(f'<a href="{escape(to)}">{escape(text)}</a>' for text, to in links)
    style = _read("gateway", "landing.css").decode()
    fingerprint = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{fingerprint}'; "
        "img-src 'self'; frame-ancestors 'none'"
    )
    page = Template(_read("gateway", "landing.html").decode())
    return _page(page.substitute(style=style, links=anchors).encode(), policy)


def documentation() -> Answer:
    """Swagger UI over the merged document."""
    return _page(_read("gateway", "docs.html"), _DOCUMENTATION_POLICY)


@cache
def asset(name: str) -> Answer:
    """One file of the documentation. Raises `KeyError` for a name that is not in `ASSETS`."""
    package, kind = _ASSETS[name]
    body = _read(package, name)
    headers = (
        (b"content-type", kind),
        (b"etag", b'"%s"' % blake2b(body, digest_size=8).hexdigest().encode()),
        (b"cache-control", b"public, max-age=3600"),
    )
    return Answer(200, (*headers, *_COMMON), body)


@cache
def _read(package: str, name: str) -> bytes:
    return (files(package) / "static" / name).read_bytes()


def _page(html: bytes, policy: str) -> Answer:
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"cache-control", b"no-cache"),
    )
    return Answer(200, (*headers, *_COMMON), html)
