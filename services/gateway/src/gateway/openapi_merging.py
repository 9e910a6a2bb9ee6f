"""One document out of several: only what is routed, each name meaning one thing."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.route_tree import RoutesTable
from gateway.routes import Access, Route

TITLE = "Cartulary"
ABOUT = (
    "Digital business cards. Register or log in, then send the access token as a bearer token. "
    "Errors are problem documents (RFC 9457) with a stable `code`."
)
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.OPTIONAL: [{}, {"bearer": []}],
    Access.USER: [{"bearer": []}],
    Access.STAFF: [{"bearer": []}],
    Access.ADMIN: [{"bearer": []}],
}
_BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_REFERENCE = re.compile(r"#/components/(\w+)/([\w.-]+)")

Document = dict[str, Any]
Name = tuple[str, str]
"""A component: its kind, such as `schemas`, and its name."""


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
        for path, item in _rewrite(paths, renamed).items():
            known = merged["paths"].setdefault(_written_as(path, merged["paths"]), {})
            for method, operation in item.items():
                other = known.get(method)
                known[method] = (
                    _joined(other, operation) if other else _told_apart(operation, service, taken)
                )
        for (kind, name), component in components.items():
            target = renamed.get((kind, name), name)
            merged["components"].setdefault(kind, {})[target] = _rewrite(component, renamed)
    return merged


def _joined(known: Document, other: Document) -> Document:
    """One operation that two services answer, each for values of a query parameter of its own."""
    values: dict[str, list[str]] = {}
    for parameter in (*known["parameters"], *other["parameters"]):
        schema = parameter["schema"]
        found = [schema["const"]] if "const" in schema else schema.get("enum", ())
        values.setdefault(parameter["name"], []).extend(found)
    parameters = [
        {**p, "schema": {"type": "string", "enum": list(dict.fromkeys(values[p["name"]]))}}
        if "const" in p["schema"]
        else p
        for p in known["parameters"]
    ]
    return {**known, "parameters": parameters}


def _written_as(path: str, paths: Document) -> str:
    """The same path with parameters of other names is one path."""
    bare = re.sub(r"\{[^}]*\}", "{}", path)
    return next((known for known in paths if re.sub(r"\{[^}]*\}", "{}", known) == bare), path)


def _routed(service: str, part: Document, table: RoutesTable) -> Iterator[tuple[str, Document]]:
    """The part's paths with the operations that the table routes to this service."""
    for path, item in part["paths"].items():
        match = table.find(re.sub(r"\{[^}]*\}", "x", path))
        routes = match.routes if match else {}
        own = {
            method: next((r for r in routes.get(method.upper(), ()) if r.service == service), None)
            for method in item
        }
        kept = {
            method: _operation(operation, route)
            for method, operation in item.items()
            if (route := own[method]) is not None
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


def _told_apart(operation: Document, service: str, taken: set[str]) -> Document:
    """The operation under an id that no other has."""
    id = operation.get("operationId", "")
    own = f"{service}_{id}" if id in taken else id
    taken.add(own)
    return {**operation, "operationId": own}


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
