"""What was written years ago can still be read."""

from dataclasses import dataclass
from typing import Annotated, ClassVar
from uuid import UUID, uuid4

import pytest
from common.event_types import EventTypes, UnknownEventType, classes_of
from common.facts import Personal, PersonalData, Subject
from common.testing.example import NoteBurnt, NoteEvent, NoteWritten


@dataclass(frozen=True)
class Framed:
    type_name: ClassVar[str] = "example.framed"
    schema: ClassVar[int] = 3

    note_id: UUID
    colour: str
    width: int


UPCASTERS = {
    ("example.framed", 1): lambda data: {**data, "colour": data.pop("color")},
    ("example.framed", 2): lambda data: {**data, "width": 1},
}


def test_old_schemas_are_lifted_step_by_step() -> None:
    id = uuid4()
    types = EventTypes(Framed, upcasters=UPCASTERS)

    for schema, data in ((1, {"color": "red"}), (2, {"colour": "red"})):
        loaded = types.load("example.framed", schema, {"note_id": str(id), **data})
        assert loaded == Framed(id, "red", 1)


def test_what_this_code_does_not_know_is_refused_and_not_guessed() -> None:
    types = EventTypes(Framed)
    for name, schema in (("example.unknown", 1), ("example.framed", 4), ("example.framed", 1)):
        with pytest.raises(UnknownEventType):
            types.load(name, schema, {})


def test_a_union_names_all_its_events() -> None:
    assert {NoteWritten, NoteBurnt} < set(classes_of(NoteEvent))


def test_two_events_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match=r"example\.framed"):
        EventTypes(Framed, Framed)


def test_an_erased_field_reads_as_its_fallback() -> None:
    @dataclass(frozen=True)
    class Sent:
        type_name: ClassVar[str] = "example.sent"

        person_id: Subject
        address: Personal[str]
        nick: Personal[str | None]
        marks: Annotated[int, PersonalData(fallback=-1)]

    id = uuid4()
    nothing = {"person_id": str(id), "address": None, "nick": None, "marks": None}

    assert EventTypes(Sent).load("example.sent", 1, nothing) == Sent(id, "", None, -1)


def test_a_personal_field_without_a_person_is_refused_at_start() -> None:
    @dataclass(frozen=True)
    class Orphan:
        type_name: ClassVar[str] = "example.orphan"

        address: Personal[str]

    with pytest.raises(TypeError, match="Subject"):
        EventTypes(Orphan)
