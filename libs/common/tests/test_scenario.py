"""The sentences that all rules are tested with must themselves fail when they should."""

from uuid import uuid4

import pytest
from common.problems import Conflict, NotFound
from common.testing.example import (
    NOTE,
    BurnNote,
    ChangeNote,
    NoteBurnt,
    NoteChanged,
    NoteWritten,
    WriteNote,
)
from common.testing.scenario import Scenario

ID, AUTHOR = uuid4(), uuid4()
WRITTEN = NoteWritten(ID, AUTHOR, "title", "text")
CHANGED = NoteChanged(ID, AUTHOR, "other")
CHANGE = ChangeNote(ID, "other")

note = Scenario(NOTE)


def test_what_happened_decides_what_follows() -> None:
    note.given().when(WriteNote(ID, AUTHOR, "title", "text")).then(WRITTEN)
    note.given(WRITTEN).when(CHANGE).then(CHANGED)
    note.given(WRITTEN, CHANGED).when(CHANGE).then()
    note.given(WRITTEN, NoteBurnt(ID)).when(BurnNote(ID)).then()


def test_a_refusal_is_named() -> None:
    note.given().when(CHANGE).then_refused(NotFound)


@pytest.mark.parametrize("expected", [(), (WRITTEN,), (CHANGED, CHANGED)])
def test_other_events_than_those_told_fail(expected: tuple[NoteWritten | NoteChanged, ...]) -> None:
    with pytest.raises(AssertionError):
        note.given(WRITTEN).when(CHANGE).then(*expected)


def test_an_expected_refusal_that_does_not_come_fails() -> None:
    with pytest.raises(pytest.fail.Exception):
        note.given(WRITTEN).when(CHANGE).then_refused(NotFound)


def test_another_refusal_than_the_named_one_is_not_taken_for_it() -> None:
    with pytest.raises(NotFound):
        note.given().when(CHANGE).then_refused(Conflict)
