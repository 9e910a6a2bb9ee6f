"""Bodies as Stripe takes them: `a[b][0][c]=d`, where an empty text unsets."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from stripe_twin.problems import Json, invalid

MAP = "map"
"""Free names with texts: metadata."""

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decoded(text: str) -> Json:
    """The nested object that a form or a query means. Raises `ApiError`."""
    root: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        found = _KEY.fullmatch(key)
        if found is None:
            raise invalid(f"Invalid request parameter: {key}", param=key)
        _put(root, [found[1], *_PART.findall(found[2])], value, key)
    lists: Json = _with_lists(root)
    return lists


def _put(node: Json, path: list[str], value: str, key: str) -> None:
    *way, last = path
    for part in way:
        part = part or str(len(node))
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise invalid(f"Invalid request parameter: {key}", param=key)
    node[last or str(len(node))] = value


def _with_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_with_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _with_lists(value) for key, value in node.items()}


def typed(given: Mapping[str, Any], spec: Mapping[str, Any], at: str = "") -> Json:
    """The parameters with their types, an empty text as None. Raises `ApiError` for an unknown
    one, and for a number that is none."""
    found: Json = {}
    for name, value in given.items():
        where = f"{at}[{name}]" if at else name
        if name not in spec:
            raise invalid(
                f"Received unknown parameter: {where}", code="parameter_unknown", param=where
            )
        found[name] = _value(value, spec[name], where)
    return found


def _value(value: Any, kind: Any, where: str) -> Any:
    if value == "":
        return None
    if isinstance(kind, list):
        return _list(value, kind[0], where)
    if isinstance(kind, dict):
        return typed(_object(value, where), kind, where)
    if kind is MAP:
        return _map(value, where)
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {where}", param=where)
    return _SCALARS[kind](value, where)


def _object(value: Any, where: str) -> Json:
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {where}", param=where)
    return value


def _list(value: Any, kind: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(f"Invalid array: {where}", param=where)
    return [_value(item, kind, f"{where}[{n}]") for n, item in enumerate(value)]


def _map(value: Any, where: str) -> Json:
    if isinstance(value, list):  # free names may be numbers
        value = {str(n): item for n, item in enumerate(value)}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise invalid(f"Invalid object: {where}", param=where)
    if len(value) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in value.items()):
        raise invalid("Metadata has at most 50 keys of 40 and values of 500 characters.")
    return dict(value)


def _integer(value: str, where: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise invalid(
            f"Invalid integer: {value[:40]}", code="parameter_invalid_integer", param=where
        )
    return int(value)


def _boolean(value: str, where: str) -> bool:
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value[:40]}", param=where)
    return value == "true"


def _text(value: str, where: str) -> str:
    return value


_SCALARS: Mapping[Any, Callable[[str, str], Any]] = {int: _integer, bool: _boolean, str: _text}
