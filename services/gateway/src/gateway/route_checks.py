"""Whether the table and the services' documents agree: nothing leads nowhere, all is routed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.route_tree import RoutesTable

UNROUTED: frozenset[tuple[str, str, str]] = frozenset()
"""What a service describes and nobody outside shall reach: service, method, path."""

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "PATCH"})
Operation = tuple[str, str, str]


def disagreements(parts: Mapping[str, Mapping[str, Any]], table: RoutesTable) -> list[str]:
    """What is wrong, in sentences; only about the services whose document is there."""
    described = {
        (service, method, _plain(path))
        for service, part in parts.items()
        for path, item in part["paths"].items()
        for method in map(str.upper, item)
        if method in METHODS
    }
    routed = {operation for operation in _routed(table) if operation[0] in parts}
    return sorted([*_nowhere(routed - described), *_forgotten(described - routed)])


def _routed(table: RoutesTable) -> Iterator[Operation]:
    for route in table.routes:
        for method in route.methods:
            yield route.service, method, _plain(route.path)


def _nowhere(operations: Iterable[Operation]) -> Iterator[str]:
    for service, method, path in operations:
        yield f"{method} {path} is routed to {service}, which has no such thing"


def _forgotten(operations: Iterable[Operation]) -> Iterator[str]:
    for service, method, path in operations:
        if (service, method, path) not in UNROUTED:
            yield f"{method} {path} of {service} is neither routed nor left out on purpose"


def _plain(path: str) -> str:
    """Parameters' names do not matter, nor a slash at the end: a route matches without it."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"
