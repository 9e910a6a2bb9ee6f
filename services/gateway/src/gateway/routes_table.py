"""What the outside may ask for, and on which terms: a path that is not here does not exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from re import compile as pattern
from typing import Any

GET = frozenset({"GET"})
POST = frozenset({"POST"})
DELETE = frozenset({"DELETE"})

KIB = 1024


class Access(Enum):
    """Who may call a route; the services decide about the single thing."""

    ANYONE = auto()  # a token is not even looked at
    OPTIONAL = auto()  # a token is used if sent, and must then be good
    USER = auto()
    STAFF = auto()  # administrators and support
    ADMIN = auto()


@dataclass(frozen=True, slots=True)
class CacheRule:
    """A route whose GET answers may be kept, if the service marks them with `Cache-Tags`.

    `lifetime` is a safety net in seconds: events purge long before. `by_language` keeps one answer
    per `Accept-Language`.
    """

    lifetime: float = 300.0
    by_language: bool = False


@dataclass(frozen=True)
class Route:
    """One line of the table.

    A template's parameters match one segment of unreserved characters. `body_limit` is in bytes,
    `budget` in seconds until the answer begins, and between its pieces. Query names that are not
    in `query` are dropped. A template that ends in `/` matches without it, too.
    """

    service: str
    methods: frozenset[str]
    path: str
    who: Access
    body_limit: int = 64 * KIB
    budget: float = 10.0
    cache: CacheRule | None = None
    query: frozenset[str] = frozenset()
    aliases: tuple[str, ...] = ()

    @cached_property
    def query_bytes(self) -> frozenset[bytes]:
        """The allowed names as they stand in a query string."""
        return frozenset(name.encode() for name in self.query)


GUESSED = 20.0
"""Seconds for routes that take a password: a wrong one may be made to wait for ten."""
GATHERED = 20.0
"""Seconds for routes that draw a picture or ask other services."""


def _auth(methods: frozenset[str], name: str, who: Access, **more: Any) -> Route:
    path = f"/api/v1/auth/{name}"
    return Route("auth", methods, path, who, aliases=(f"/auth/{name}",), **more)


PICTURE = 2 * 1024 * KIB + 8 * KIB
"""A picture of two megabytes, and the form around it."""

_PROFILE = "/api/v1/user/profile"
_PROFILE_ALIASES = ("/api/v1/profiles/me",)
_LOG = frozenset({"limit", "after"})
_USER_FILTERS = frozenset({"page", "per_page", "email", "q", "status"})
_USERS = "/api/v1/admin/users"
_CARD = "/api/v1/cards/{id}"
_QR = frozenset({"format", "scale", "border", "dark", "light", "level", "logo"})
_VIEW = "/view/{id}"

ROUTES: Sequence[Route] = (
    _auth(POST, "register", Access.ANYONE),
    _auth(POST, "login", Access.ANYONE, budget=GUESSED),
    _auth(POST, "refresh", Access.ANYONE),
    _auth(POST, "logout", Access.USER),
    _auth(GET, "me", Access.USER, cache=CacheRule()),
    _auth(frozenset({"PATCH"}), "me", Access.USER),
    _auth(DELETE, "me", Access.USER, budget=GUESSED),
    _auth(POST, "password/change", Access.USER, budget=GUESSED),
    _auth(POST, "password/forgot", Access.ANYONE),
    _auth(POST, "password/reset", Access.ANYONE),
    _auth(POST, "email/verify", Access.ANYONE),
    _auth(POST, "email/resend", Access.USER),
    _auth(POST, "email/change", Access.USER, budget=GUESSED),
    _auth(POST, "email/confirm", Access.ANYONE),
    _auth(POST, "email/undo", Access.ANYONE),
    _auth(GET, "sessions", Access.USER, query=frozenset({"page", "per_page"})),
    _auth(DELETE, "sessions", Access.USER),
    _auth(DELETE, "sessions/{id}", Access.USER),
    _auth(GET, "activity", Access.USER, query=_LOG),
    _auth(GET, "me/export", Access.USER, budget=GATHERED),
    _auth(POST, "avatar", Access.USER, body_limit=PICTURE, budget=GATHERED),
    _auth(DELETE, "avatar", Access.USER),
    Route("auth", GET, "/api/v1/users/{id}/avatar", Access.ANYONE, cache=CacheRule()),
    Route("auth", GET, _PROFILE, Access.USER, cache=CacheRule(), aliases=_PROFILE_ALIASES),
    Route(
        "auth",
        frozenset({"PUT", "PATCH"}),
        _PROFILE,
        Access.USER,
        aliases=_PROFILE_ALIASES,
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
    Route("cards", POST, "/api/v1/cards/", Access.USER),
    Route("cards", GET, _CARD, Access.USER, cache=CacheRule()),
    Route("cards", frozenset({"PUT", "PATCH", "DELETE"}), _CARD, Access.USER),
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
    Route("cards", POST, "/api/v1/qr/generate", Access.ANYONE, body_limit=512 * KIB),
    Route("cards", POST, _CARD + "/scan", Access.OPTIONAL),
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
    Route("cards", GET, "/api/v1/admin/export", Access.ADMIN, query=frozenset({"model", "format"})),
    Route("billing", GET, "/api/v1/stripe/config", Access.ANYONE),
    # signed over its very bytes, which therefore pass as they came
    Route("billing", POST, "/api/v1/stripe/webhook", Access.ANYONE, body_limit=1024 * KIB),
    Route(
        "billing", GET, "/api/v1/admin/reconciliations", Access.ADMIN, query=frozenset({"limit"})
    ),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A known path: its routes by method, the path as the service knows it, what 405 allows."""

    routes: Mapping[str, Route]
    path: str
    allow: str


_SEGMENT = pattern(r"[A-Za-z0-9._~-]{1,128}").fullmatch
_DOTS = frozenset({".", ".."})


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    routes: dict[str, Route] = field(default_factory=dict)
    allow: str = ""
    rewritten: str | None = None  # the template to fill, where the service knows another path


class RoutesTable:
    """The table, compiled into a tree of segments. A literal segment wins over a parameter."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        for route in routes:
            for path in (route.path, *route.aliases):
                self._insert(path, route)
                if path.endswith("/"):
                    self._insert(path[:-1], route)

    def find(self, path: str) -> Match | None:
        """The path's entry, or nothing. Percent-encoded and dotted segments match no parameter."""
        node = self._root
        parameters: list[str] = []
        for segment in path.split("/"):
            following = node.literals.get(segment)
            if following is None:
                following = node.parameter
                if following is None or segment in _DOTS or not _SEGMENT(segment):
                    return None
                parameters.append(segment)
            node = following
        if not node.routes:
            return None
        known = path if node.rewritten is None else node.rewritten.format(*parameters)
        return Match(node.routes, known, node.allow)

    def _insert(self, path: str, route: Route) -> None:
        node = self._root
        for segment in path.split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        self._enter(node, path, route)

    @staticmethod
    def _enter(node: _Node, path: str, route: Route) -> None:
        methods = route.methods | {"HEAD"} if "GET" in route.methods else route.methods
        taken = methods & node.routes.keys()
        if taken:
            raise ValueError(f"{path} has two routes for {', '.join(sorted(taken))}")
        node.routes.update(dict.fromkeys(methods, route))
        node.allow = ", ".join(sorted(node.routes))
        if path != route.path:
            node.rewritten = "/".join(
                "{}" if segment.startswith("{") else segment for segment in route.path.split("/")
            )
