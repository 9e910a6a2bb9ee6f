"""The table compiled for finding a path's routes: one step for each of its segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from re import compile as pattern
from urllib.parse import parse_qsl

from gateway.routes import Route

Alternatives = tuple[Route, ...]
"""The routes of one path and method: those that look at the query before the one that does not."""


@dataclass(frozen=True, slots=True)
class Match:
    """A known path: its routes by method, the path as the service knows it, what 405 allows."""

    routes: Mapping[str, Alternatives]
    path: str
    allow: str

    def route(self, method: str, query: bytes) -> Route | None:
        """The route for a method that the path takes; nothing if none is for this query."""
        alternatives = self.routes[method]
        if alternatives[0].when is None:
            return alternatives[0]
        asked: dict[str, str] = {}
        for name, value in parse_qsl(query.decode("latin-1")):
            asked.setdefault(name, value)
        fitting = (r for r in alternatives if r.when is None or asked.get(r.when[0]) == r.when[1])
        return next(fitting, None)


_SEGMENT = pattern(r"[A-Za-z0-9._~-]{1,128}").fullmatch
_DOTS = frozenset({".", ".."})
REMEMBERED = 10_000
LONGEST_REMEMBERED = 200
"""Characters: longer paths are looked up each time, or strangers could fill memory with them."""


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    routes: dict[str, Alternatives] = field(default_factory=dict)
    allow: str = ""
    rewritten: str | None = None  # the template to fill, where the service knows another path


class RoutesTable:
    """The table, compiled into a tree of segments. A literal segment wins over a parameter."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        self._remembered = lru_cache(REMEMBERED)(self._find)
        self._root = _Node()
        for route in routes:
            for path in (route.path, *route.aliases):
                self._insert(path, route)
                if path.endswith("/"):
                    self._insert(path[:-1], route)

    def find(self, path: str) -> Match | None:
        """The path's entry, or nothing. Percent-encoded and dotted segments match no parameter."""
        return self._remembered(path) if len(path) <= LONGEST_REMEMBERED else self._find(path)

    def _find(self, path: str) -> Match | None:
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
        for method in sorted(methods):
            known = node.routes.get(method, ())
            if any(other.when == route.when for other in known):
                raise ValueError(f"{path} has two routes for {method}")
            node.routes[method] = tuple(sorted((*known, route), key=lambda r: r.when is None))
        node.allow = ", ".join(sorted(node.routes))
        if path != route.path:
            node.rewritten = "/".join(
                "{}" if segment.startswith("{") else segment for segment in route.path.split("/")
            )
