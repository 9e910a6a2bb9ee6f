"""Each service's HTTP interface as it was promised, and what of it a change would take away."""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def broken_promises(service: str, before: Document, after: Document) -> list[str]:
    """Operations and fields of answers that are gone, and new demands on requests."""
    found = []
    for path, methods in before.get("paths", {}).items():
        for method, operation in methods.items():
            now = after["paths"].get(path, {}).get(method)
            name = f"{service}: {method.upper()} {path}"
            if now is None:
                found.append(f"{name} is gone: keep it, or offer the change below another path")
                continue
            found += [f"{name} {what}" for what in _changes((before, operation), (after, now))]
    return found


def _changes(before: tuple[Document, Document], after: tuple[Document, Document]) -> Iterator[str]:
    former, current = _answer_fields(*before), _answer_fields(*after)
    for field in sorted(former - current):
        yield f"answers without {field}: clients read it, keep it"
    for field in sorted(_required_fields(*after) - _required_fields(*before)):
        yield f"insists on {field}, which was not needed: make it optional"
    for name in sorted(_parameters(before[1]) - _parameters(after[1])):
        yield f"does not know the parameter {name} any more: keep it"


def _answer_fields(document: Document, operation: Document) -> set[str]:
    fields: set[str] = set()
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            for content in answer.get("content", {}).values():
                properties = _resolved(document, content.get("schema", {})).get("properties", {})
                fields |= set(properties)
    return fields


def _required_fields(document: Document, operation: Document) -> set[str]:
    required: set[str] = set()
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(document, content.get("schema", {}))
        required |= set(schema.get("required", []))
    return required


def _parameters(operation: Document) -> set[str]:
    return {f"{one['in']} {one['name']}" for one in operation.get("parameters", [])}


def _resolved(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
