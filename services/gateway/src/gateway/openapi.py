"""One API document out of the services' own: only what is routed, and one way to authorise."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import structlog

from gateway.answers import Answer, Refused
from gateway.forwarding import AnswerCut, Upstream, fetch
from gateway.routes_table import Access, Route, RoutesTable

FETCH_SECONDS = 5.0
RETRY_SECONDS = 5.0
TITLE = "Cartulary"
ABOUT = (
    "Digital business cards. Register or log in, then send the access token as a bearer token. "
    "Errors are problem documents (RFC 9457) with a stable `code`."
)
_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"))
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.OPTIONAL: [{}, {"bearer": []}],
    Access.USER: [{"bearer": []}],
    Access.ADMIN: [{"bearer": []}],
}
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_REFERENCE = re.compile(r"#/components/(\w+)/([\w.-]+)")

Document = dict[str, Any]
Name = tuple[str, str]
"""A component: its kind, such as `schemas`, and its name."""

log = structlog.get_logger(__name__)


class MergedApi:
    """`/openapi.json`, put together when first asked for; parts that were away are asked again."""

    def __init__(self, upstreams: Mapping[str, Upstream], table: RoutesTable) -> None:
        self._upstreams = upstreams
        self._table = table
        self._parts: dict[str, Document] = {}
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer = Answer(200, _HEADERS, b"{}")

    async def document(self) -> Answer:
        """The document of all services that have answered so far."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            missing = self._upstreams.keys() - self._parts.keys()
            if missing and now - self._asked_at >= RETRY_SECONDS:
                await asyncio.gather(*map(self._ask, missing))
                self._asked_at = now
                merged = merge(
                    {name: self._parts[name] for name in sorted(self._parts)}, self._table
                )
                self._answer = Answer(200, _HEADERS, orjson.dumps(merged))
            return self._answer

    async def _ask(self, service: str) -> None:
        try:
            answer = await fetch(self._upstreams[service], "/openapi.json", budget=FETCH_SECONDS)
            self._parts[service] = _document(answer)
        except (Refused, AnswerCut, ValueError) as error:
            log.warning("openapi_not_read", service=service, reason=type(error).__name__)


def merge(parts: Mapping[str, Document], table: RoutesTable) -> Document:
    """One document of the services' parts.

    A component that two services mean differently gets its service's name in front, and so does an
    operation id that is taken.
    """
    merged: Document = {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1", "description": ABOUT},
        "paths": {},
        "components": {"securitySchemes": {"bearer": _BEARER}},
    }
    taken: set[str] = set()
    for service, part in parts.items():
        paths = dict(_routed(service, part, table))
        components = {name: part["components"][name[0]][name[1]] for name in _used(paths, part)}
        prefix = service.capitalize()
        renamed = {
            (kind, name): f"{prefix}{name}"
            for kind, name in _clashing(components, merged["components"])
        }
        merged["paths"].update(_rewrite(paths, renamed))
        for (kind, name), component in components.items():
            target = renamed.get((kind, name), name)
            merged["components"].setdefault(kind, {})[target] = _rewrite(component, renamed)
        _tell_operations_apart(paths, merged["paths"], service, taken)
    return merged


def _document(answer: Answer) -> Document:
    document = orjson.loads(answer.body)
    if answer.status != 200 or not isinstance(document, dict) or "paths" not in document:
        raise ValueError("not an OpenAPI document")
    return document


def _routed(service: str, part: Document, table: RoutesTable) -> Iterator[tuple[str, Document]]:
    """The part's paths with the operations that the table routes to this service."""
    for path, item in part["paths"].items():
        match = table.find(re.sub(r"\{[^}]*\}", "x", path))
        routes = match.routes if match else {}
        kept = {
            method: _operation(operation, routes[method.upper()])
            for method, operation in item.items()
            if method.upper() in routes and routes[method.upper()].service == service
        }
        if kept:
            yield path, kept


def _operation(operation: Document, route: Route) -> Document:
    allowed = [p for p in operation.get("parameters", []) if _from_outside(p)]
    return {**operation, "parameters": allowed, "security": _SECURITY[route.who]}


def _from_outside(parameter: Document) -> bool:
    return not (parameter.get("in") == "header" and parameter["name"].startswith("cartulary-"))


def _used(paths: Document, part: Document) -> list[Name]:
    """The components that the paths refer to, directly or through others."""
    components: Document = part.get("components", {})
    found: list[Name] = []
    waiting = list(_references(paths))
    while waiting:
        kind, name = waiting.pop()
        if (kind, name) not in found and name in components.get(kind, {}):
            found.append((kind, name))
            waiting += _references(components[kind][name])
    return sorted(found)


def _clashing(components: Mapping[Name, Document], merged: Document) -> set[Name]:
    """What another service means differently, and all that refers to such."""
    clashing = {
        (kind, name)
        for (kind, name), component in components.items()
        if merged.get(kind, {}).get(name, component) != component
    }
    grown = True
    while grown:
        more = {n for n, component in components.items() if clashing & set(_references(component))}
        grown = not more <= clashing
        clashing |= more
    return clashing


def _tell_operations_apart(
    added: Iterable[str], paths: Document, service: str, taken: set[str]
) -> None:
    for path in added:
        for operation in paths[path].values():
            id = operation.get("operationId", "")
            operation["operationId"] = f"{service}_{id}" if id in taken else id
            taken.add(operation["operationId"])


def _references(value: Any) -> Iterator[Name]:
    yield from _REFERENCE.findall(orjson.dumps(value).decode())


def _rewrite(value: Any, renamed: Mapping[Name, str]) -> Any:
    """The same value with its references following the new names."""
    if not renamed:
        return value

    def follow(found: re.Match[str]) -> str:
        kind, name = found.groups()
        return f"#/components/{kind}/{renamed.get((kind, name), name)}"

    return orjson.loads(_REFERENCE.sub(follow, orjson.dumps(value).decode()))
