"""What the outside may ask for, and on which terms: a path that is not here does not exist."""

from collections.abc import Sequence
from typing import Any

from gateway.billing_routes import BILLING_ROUTES
from gateway.routes import (
    DELETE,
    GATEWAY,
    GET,
    KIB,
    POST,
    WRITE,
    Access,
    CacheRule,
    Per,
    RateLimit,
    Route,
)

GUESSED = 20.0
"""Seconds for routes that take a password: a wrong one may be made to wait for ten."""
GATHERED = 20.0
"""Seconds for routes that draw a picture or ask other services."""
BACKED_UP = 20.0
"""Seconds for routes that begin a backup or a restore, and wait for a quick end of it."""


def _auth(methods: frozenset[str], name: str, who: Access, **more: Any) -> Route:
    path = f"/api/v1/auth/{name}"
    return Route("auth", methods, path, who, aliases=(f"/auth/{name}",), **more)


PICTURE = 2 * 1024 * KIB + 8 * KIB
"""A picture of two megabytes, and the form around it."""

REGISTER = RateLimit("register", 10, fails_closed=True)
LOGIN = RateLimit("login-address", 30, fails_closed=True)
"""Beside auth's own five a minute for an account: one address may not go through many accounts."""
REFRESH = RateLimit("refresh", 60)
RESET = RateLimit("reset", 10, fails_closed=True)
LINK = RateLimit("link", 10, fails_closed=True)
RESEND = RateLimit("resend", 10, per=Per.ACCOUNT, fails_closed=True)
PROFILE = RateLimit("profile", 200, per=Per.ACCOUNT)
PICTURES = RateLimit("avatar", 10, per=Per.ACCOUNT)
EXPORT = RateLimit("export", 10, per=Per.ACCOUNT)
QR_CODES = RateLimit("qr", 20)
SCAN = RateLimit("scan", 60)

_PROFILE = "/api/v1/user/profile"
_PROFILE_ALIASES = ("/api/v1/profiles/me",)
_LOG = frozenset({"limit", "after"})
_USER_FILTERS = frozenset({"page", "per_page", "email", "q", "status"})
_USERS = "/api/v1/admin/users"
_CARD = "/api/v1/cards/{id}"
_QR = frozenset({"format", "scale", "border", "dark", "light", "level", "logo"})
_VIEW = "/view/{id}"
_EXPORT = "/api/v1/admin/export"
_EXPORTED = frozenset({"model", "format"})


def _backups(service: str) -> tuple[Route, ...]:
    of_service: dict[str, Any] = {
        "who": Access.ADMIN,
        "budget": BACKED_UP,
        "query": frozenset({"service"}),
        "limit": WRITE,
        "when": ("service", service),
    }
    return (
        Route(service, GET | POST, "/api/v1/admin/backups", **of_service),
        Route(service, POST, "/api/v1/admin/restore/{filename}", **of_service),
    )


ROUTES: Sequence[Route] = (
    Route(GATEWAY, GET, "/api/v1/me/overview", Access.USER),
    Route(GATEWAY, GET, "/api/v1/me/events", Access.USER),
    Route(GATEWAY, GET, "/api/v1/dashboard/metrics", Access.USER),
    _auth(POST, "register", Access.ANYONE, limit=REGISTER),
    _auth(POST, "login", Access.ANYONE, budget=GUESSED, limit=LOGIN),
    _auth(POST, "refresh", Access.ANYONE, limit=REFRESH),
    _auth(POST, "logout", Access.USER, ends_session=True),
    _auth(GET, "me", Access.USER, cache=CacheRule()),
    _auth(frozenset({"PATCH"}), "me", Access.USER),
    _auth(DELETE, "me", Access.USER, budget=GUESSED, ends_session=True),
    _auth(POST, "password/change", Access.USER, budget=GUESSED),
    _auth(POST, "password/forgot", Access.ANYONE, limit=RESET),
    _auth(POST, "password/reset", Access.ANYONE, limit=RESET),
    _auth(POST, "email/verify", Access.ANYONE, limit=LINK),
    _auth(POST, "email/resend", Access.USER, limit=RESEND),
    _auth(POST, "email/change", Access.USER, budget=GUESSED, limit=RESEND),
    _auth(POST, "email/confirm", Access.ANYONE, limit=LINK),
    _auth(POST, "email/undo", Access.ANYONE, limit=LINK),
    _auth(GET, "sessions", Access.USER, query=frozenset({"page", "per_page"})),
    _auth(DELETE, "sessions", Access.USER),
    _auth(DELETE, "sessions/{id}", Access.USER),
    _auth(GET, "activity", Access.USER, query=_LOG),
    _auth(GET, "me/export", Access.USER, budget=GATHERED, limit=EXPORT),
    _auth(POST, "avatar", Access.USER, body_limit=PICTURE, budget=GATHERED, limit=PICTURES),
    _auth(DELETE, "avatar", Access.USER),
    Route("auth", GET, "/api/v1/users/{id}/avatar", Access.ANYONE, cache=CacheRule()),
    Route("auth", GET, _PROFILE, Access.USER, cache=CacheRule(), aliases=_PROFILE_ALIASES),
    Route(
        "auth",
        frozenset({"PUT", "PATCH"}),
        _PROFILE,
        Access.USER,
        aliases=_PROFILE_ALIASES,
        limit=PROFILE,
    ),
    Route("auth", GET, _USERS, Access.STAFF, query=_USER_FILTERS),
    Route("auth", GET, _USERS + "/{id}", Access.STAFF),
    Route("auth", GET, _USERS + "/{id}/activity", Access.STAFF, query=_LOG),
    Route("auth", frozenset({"PATCH"}), _USERS + "/{id}", Access.ADMIN),
    Route("auth", POST, _USERS + "/{id}/suspend", Access.ADMIN),
    Route("auth", POST, _USERS + "/{id}/activate", Access.ADMIN),
    Route("auth", POST, _USERS + "/{id}/end-sessions", Access.ADMIN),
    Route("auth", frozenset({"PUT"}), _USERS + "/{id}/roles", Access.ADMIN),
    Route("auth", GET, "/.well-known/jwks.json", Access.ANYONE, cache=CacheRule()),
    Route(
        "cards",
        GET,
        "/api/v1/cards/",
        Access.USER,
        query=frozenset({"page", "per_page", "deleted"}),
    ),
    Route("cards", POST, "/api/v1/cards/", Access.USER, limit=WRITE),
    Route("cards", GET, _CARD, Access.USER, cache=CacheRule()),
    Route("cards", frozenset({"PUT", "PATCH", "DELETE"}), _CARD, Access.USER),
    Route("cards", GET, "/api/v1/user/visits", Access.USER, query=frozenset({"days"})),
    Route("cards", POST, _CARD + "/restore", Access.USER),
    Route("cards", GET, _CARD + "/history", Access.USER, query=frozenset({"limit", "after"})),
    Route("cards", POST, _CARD + "/undo", Access.USER),
    Route(
        "cards",
        GET,
        _CARD + "/vcard",
        Access.OPTIONAL,
        cache=CacheRule(),
        query=frozenset({"version"}),
    ),
    Route("cards", GET, _CARD + "/qr", Access.OPTIONAL, cache=CacheRule(), query=_QR),
    Route(
        "cards", POST, "/api/v1/qr/generate", Access.ANYONE, body_limit=512 * KIB, limit=QR_CODES
    ),
    Route("cards", POST, _CARD + "/scan", Access.OPTIONAL, limit=SCAN),
    Route("cards", GET, _CARD + "/stats", Access.USER, query=frozenset({"days", "format"})),
    Route("cards", GET, "/", Access.ANYONE, cache=CacheRule(by_language=True)),
    Route(
        "cards",
        GET,
        _VIEW,
        Access.ANYONE,
        cache=CacheRule(by_language=True),
        query=frozenset({"via"}),
    ),
    Route("cards", GET, _VIEW + "/share.png", Access.ANYONE, cache=CacheRule()),
    Route("cards", GET, _VIEW + "/portrait.jpg", Access.ANYONE, cache=CacheRule()),
    Route("cards", GET, _VIEW + "/qr.png", Access.ANYONE, cache=CacheRule()),
    # these count, so each must reach the service
    Route("cards", GET, _VIEW + "/seen.gif", Access.OPTIONAL, query=frozenset({"via"})),
    Route("cards", GET, _VIEW + "/contact.vcf", Access.OPTIONAL),
    Route("cards", GET, _VIEW + "/go/{key}", Access.OPTIONAL),
    Route(
        "cards",
        GET,
        "/api/v1/admin/cards",
        Access.ADMIN,
        query=frozenset({"page", "per_page", "deleted"}),
    ),
    Route("cards", POST, "/api/v1/admin/restore_card/{id}", Access.ADMIN),
    Route(
        "auth",
        GET,
        _EXPORT,
        Access.ADMIN,
        query=_EXPORTED,
        limit=EXPORT,
        when=("model", "users"),
    ),
    # also tells those who ask for anything else that there is no such copy
    Route("cards", GET, _EXPORT, Access.ADMIN, query=_EXPORTED, limit=EXPORT),
    *BILLING_ROUTES,
    *_backups("auth"),
    *_backups("billing"),
    *_backups("cards"),
)
