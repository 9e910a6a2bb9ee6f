"""What the gateway answers itself, described as a service would describe it."""

from collections.abc import Callable, Sequence
from typing import Any

from common.problem_responses import DOCUMENTED, problem_schemas
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.aggregates import Aggregate, Missing, Part
from gateway.live_events import PATH

Document = dict[str, Any]
_EVENTS = (
    "Server-sent events: what happened to the caller's things. An event is named for the message's "
    "type; its data are `type`, `subject` and `time`, its `id` is good for `Last-Event-ID`. "
    "`reset` means: read anew what you show. `end` is the last one, with a `reason`."
)
_FIRST_EVENT = (
    "retry: 3000\n\nid: 0199d6a0-5d3c-7c11-a5c4-0242ac120002\nevent: cards.card_changed.v1\n"
    'data: {"type":"cards.card_changed.v1","subject":"card/0199d69f-2b1e-7f43-b1a0-0242ac120002",'
    '"time":"2026-03-01T12:00:00Z"}\n\n'
)


def own_document(aggregates: Sequence[Aggregate], has: Callable[[Part], bool]) -> Document:
    """The gateway's own part of the merged document."""
    paths: Document = {PATH: {"get": _events()}}
    shapes: list[type[BaseModel]] = []
    for aggregate in aggregates:
        parts = [part for part in aggregate.parts if has(part)]
        paths[aggregate.path] = {"get": _aggregate(aggregate, parts)}
        shapes += [p.returned for p in parts if isinstance(p.returned, type)]
    models = [(shape, "serialization") for shape in shapes if issubclass(shape, BaseModel)]
    _, described = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas = {**problem_schemas(), **described.get("$defs", {})}
    return {"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}


def _aggregate(aggregate: Aggregate, parts: Sequence[Part]) -> Document:
    name = aggregate.path.rpartition("/")[2]
    properties = {part.name: _part(part) for part in parts}
    missing = {
        "type": "object",
        "description": Missing.__doc__,
        "required": ["part", "reason", "retryable"],
        "properties": {
            "part": {"type": "string"},
            "reason": {"type": "string"},
            "retryable": {"type": "boolean"},
        },
    }
    properties["partial"] = {"type": "array", "items": missing}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {
        "tags": ["overview"],
        "summary": f"The caller's {name}",
        "description": "Gathered from all services. An optional part that is away is null, and "
        "named in `partial`.",
        "operationId": name,
        "responses": _responses("application/json", {"schema": schema}, conditional=True),
    }


def _part(part: Part) -> Document:
    shape = part.returned
    described: Document = (
        {"$ref": f"#/components/schemas/{shape.__name__}"}
        if isinstance(shape, type) and issubclass(shape, BaseModel)
        else {"type": "integer"}
    )
    return described if part.required else {"anyOf": [described, {"type": "null"}]}


def _events() -> Document:
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "The last event that was read; the stream goes on after it",
        "schema": {"type": "string"},
    }
    content = {"schema": {"type": "string"}, "example": _FIRST_EVENT}
    return {
        "tags": ["overview"],
        "summary": "Live events",
        "description": _EVENTS,
        "operationId": "live_events",
        "parameters": [last],
        "responses": _responses("text/event-stream", content, conditional=False),
    }


def _responses(kind: str, content: Document, *, conditional: bool) -> Document:
    found: Document = {"200": {"description": "As it is now", "content": {kind: content}}}
    if conditional:
        found["304"] = {"description": "As the client has it already"}
    return {**found, **{str(status): told for status, told in DOCUMENTED.items()}}
