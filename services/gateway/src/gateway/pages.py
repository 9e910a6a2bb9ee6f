"""The gateway's own pages: the API's documentation, and what links in mails open. No host but ours
is asked.

Swagger UI comes from the files that PyPI's `fastapi-offline` ships.
"""

from functools import cache
from hashlib import blake2b
from importlib.resources import files
from string import Template

from gateway.answers import Answer, Header

_ASSETS = {
    "start.js": ("gateway", b"text/javascript; charset=utf-8"),
    "swagger-ui-bundle.js": ("fastapi_offline", b"text/javascript; charset=utf-8"),
    "swagger-ui.css": ("fastapi_offline", b"text/css; charset=utf-8"),
    "favicon.png": ("fastapi_offline", b"image/png"),
    "link.js": ("gateway", b"text/javascript; charset=utf-8"),
    "link.css": ("gateway", b"text/css; charset=utf-8"),
}
LINK_PAGES = ("verify", "confirm", "undo", "reset")
"""What links in auth's mails open."""

DOCUMENTATION_ASSETS = ("start.js", "swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
LINK_ASSETS = ("link.js", "link.css")

_DOCUMENTATION_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_LINK_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_COMMON: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
)


def documentation() -> Answer:
    """Swagger UI over the merged document."""
    return _page(_read("gateway", "docs.html"), _DOCUMENTATION_POLICY)


def link(page: str) -> Answer:
    """One of `LINK_PAGES`. Opening it changes nothing; its script reads the token that stands
    behind the `#`, and its button sends that to auth."""
    html = Template(_read("gateway", "link.html").decode()).substitute(page=page)
    return _page(html.encode(), _LINK_POLICY)


@cache
def asset(name: str) -> Answer:
    """One file of a page. Raises `KeyError` for a name that no page needs."""
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
