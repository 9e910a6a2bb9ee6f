"""Documents about messages and interfaces say what the code says; no promise breaks in silence."""

import json
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from cartulary.documents import broken, generated
from cartulary.published_language import Language, asyncapi, breaking_changes
from common.facts import Personal, Subject
from common.messages import PublishedEvent

from tests.contract.interface_changes import broken_promises
from tests.contract.test_openapi import SERVICES, described, recorded

DOCS = Path(__file__).parents[2] / "docs"


class Told(PublishedEvent):
    """Something was told."""

    type_name: ClassVar[str] = "example.told.v1"

    note_id: UUID
    author_id: Subject
    text: Personal[str]
    count: int | None


class Shorter(PublishedEvent):
    """The same without a field, and with another type."""

    type_name: ClassVar[str] = "example.told.v1"

    note_id: UUID
    author_id: Subject
    count: str


class Longer(Told):
    """The same with more."""

    type_name: ClassVar[str] = "example.told.v1"

    more: str | None


def document(*classes: type[PublishedEvent]) -> Any:
    published = {cls.type_name: ("example", cls) for cls in classes}
    return asyncapi(Language(published, {"example.told.v1": ["reader"]}))


def test_no_promised_message_is_broken() -> None:
    assert broken(DOCS) == [], "a promise only grows: undo the change, or offer it beside"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_promised_interface_is_broken(service: str) -> None:
    assert broken_promises(service, recorded()[service], described(service)) == []


@pytest.mark.parametrize("name", sorted(generated()))
def test_the_document_is_the_one_that_the_code_makes(name: str) -> None:
    assert (DOCS / name).read_text() == generated()[name], (
        "run `make docs` and commit what it wrote"
    )


def test_every_recorded_message_is_documented() -> None:
    promised = json.loads((DOCS / "asyncapi.json").read_text())["components"]["messages"]
    recorded = {path.stem for path in (Path(__file__).parent / "messages").glob("*.json")}

    assert set(promised) <= recorded


def test_what_is_taken_away_or_changed_is_named_with_what_to_do() -> None:
    found = breaking_changes(document(Told), document(Shorter))

    assert [problem.partition(":")[0] for problem in found] == [
        "example.told.v1 has no text any more",
        "example.told.v1.count is something else than it was",
    ]
    assert all("publish example.told.v2 beside" in problem for problem in found)
    (gone,) = breaking_changes(document(Told), document())
    assert gone == "example.told.v1 is not published any more: keep it until nobody reads it"


def test_what_is_added_breaks_nothing() -> None:
    assert breaking_changes(document(Told), document(Longer)) == []
    assert breaking_changes(document(), document(Told)) == []


def test_personal_fields_are_marked_with_whose_they_are() -> None:
    schema = document(Told)["components"]["schemas"]["Told"]

    assert schema["x-data-subject"] == "author_id"
    assert [n for n, shape in schema["properties"].items() if shape.get("x-sealed")] == ["text"]


def api(answer: dict[str, Any], required: list[str], *parameters: str) -> dict[str, Any]:
    schema = {"properties": {"name": {}, "more": {}}, "required": required}
    operation = {
        "parameters": [{"in": "query", "name": name} for name in parameters],
        "requestBody": {"content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/c/schemas/Answer"}}}}
        },
    }
    return {
        "paths": {"/notes": {"post": operation}},
        "components": {"schemas": {"Answer": {"properties": answer}}},
    }


def test_an_interface_may_grow_and_may_not_shrink_or_demand_more() -> None:
    before = api({"id": {}, "text": {}}, ["name"], "page")

    assert broken_promises("s", before, before) == []
    assert broken_promises("s", before, api({"id": {}, "text": {}, "n": {}}, [], "page", "q")) == []
    assert broken_promises("s", before, api({"id": {}}, ["name", "more"])) == [
        "s: POST /notes answers without text: clients read it, keep it",
        "s: POST /notes insists on more, which was not needed: make it optional",
        "s: POST /notes does not know the parameter query page any more: keep it",
    ]
    (gone,) = broken_promises("s", before, {"paths": {}})
    assert gone.startswith("s: POST /notes is gone: keep it")
