"""Lists with cursors, filters and expanded parts."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from stripe_twin import shapes
from stripe_twin.deliveries import delivered_everywhere
from stripe_twin.problems import ApiError, Json, invalid
from stripe_twin.twin import Twin, shown

RANGE = {"gt": int, "gte": int, "lt": int, "lte": int}
PAGE: Json = {"limit": int, "starting_after": str, "ending_before": str}
LONGEST, USUAL, DEEPEST = 100, 10, 3

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
_PREFIXES = {
    "cus": "customer",
    "pm": "payment_method",
    "pi": "payment_intent",
    "seti": "setup_intent",
    "ch": "charge",
}


def listed(kind: str, *equal: str) -> Callable[[Twin, Json], list[Json]]:
    """A list of all of a kind, the newest first, that can be narrowed by these fields."""

    def all_of(twin: Twin, given: Json) -> list[Json]:
        found = [t for t in reversed(twin.store.all(kind)) if not t.get("_deleted")]
        for name in equal:
            if given.get(name) is not None:
                found = [thing for thing in found if thing.get(name) == given[name]]
        return [thing for thing in found if _in_range(thing, given.get("created"))]

    return all_of


def events(twin: Twin, given: Json) -> list[Json]:
    """GET /v1/events: thirty days, by type and by whether all endpoints took them."""
    types = given.get("types") or ([given["type"]] if given.get("type") else None)
    found = [e for e in reversed(twin.store.all("event")) if _in_range(e, given.get("created"))]
    if types:
        found = [event for event in found if event["type"] in types]
    if given.get("delivery_success") is not None:
        wanted = given["delivery_success"]
        found = [event for event in found if delivered_everywhere(twin, event) is wanted]
    return found


def methods_of_customer(twin: Twin, given: Json, id: str) -> list[Json]:
    """GET /v1/customers/:id/payment_methods"""
    twin.find("customer", id)
    return listed("payment_method", "customer")(twin, {**given, "customer": id})


def _in_range(thing: Json, bounds: Json | None) -> bool:
    return all(
        _COMPARE[name](thing["created"], bound)
        for name, bound in (bounds or {}).items()
        if bound is not None
    )


def page(found: list[Json], given: Json, url: str) -> Json:
    """The part of a list that was asked for. Raises `ApiError` for a cursor that is not in it."""
    limit = given.get("limit") or USUAL
    if not 1 <= limit <= LONGEST:
        raise invalid(f"Invalid limit: must be 1 to {LONGEST}.", param="limit")
    if given.get("ending_before"):
        end = _index(found, given["ending_before"], "ending_before")
        start = max(0, end - limit)
        return shapes.listing(found[start:end], url, more=start > 0)
    start = 0
    if given.get("starting_after"):
        start = _index(found, given["starting_after"], "starting_after") + 1
    return shapes.listing(found[start : start + limit], url, more=start + limit < len(found))


def _index(found: list[Json], id: str, param: str) -> int:
    for n, thing in enumerate(found):
        if thing["id"] == id:
            return n
    raise invalid(f"No such object: '{id}'", code="resource_missing", param=param)


def expanded(twin: Twin, answer: Json, paths: list[str]) -> Json:
    """What is sent: without inner matters, with these parts in place of their ids."""
    sent: Json = deepcopy(shown(answer))
    for path in paths:
        _expand(twin, sent, path.split("."), path)
    return sent


def _expand(twin: Twin, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(twin, item, steps, path)
        return
    step, *rest = steps
    if isinstance(node, dict) and node.get("object") == "checkout.session" and step == "line_items":
        node[step] = _lines(twin, node["id"])
    if not isinstance(node, dict) or step not in node or len(rest) > DEEPEST:
        raise _inexpansible(path)
    if isinstance(node[step], str):
        node[step] = _part(twin, node[step], path)
    if rest and node[step] is not None:
        _expand(twin, node[step], rest, path)


def _part(twin: Twin, id: str, path: str) -> Json:
    found = twin.store.get(_PREFIXES.get(id.rpartition("_")[0], ""), id)
    if found is None:
        raise _inexpansible(path)
    part: Json = deepcopy(shown(found))
    return part


def _lines(twin: Twin, session: str) -> Json:
    lines = twin.find("checkout.session", session)["_lines"]
    return shapes.listing(
        deepcopy(lines), f"/v1/checkout/sessions/{session}/line_items", more=False
    )


def _inexpansible(path: str) -> ApiError:
    return invalid(f"This property cannot be expanded ({path[:100]}).", param="expand")
