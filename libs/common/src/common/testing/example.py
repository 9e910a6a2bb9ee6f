"""A small complete aggregate of no business: the kernel's own tests and measurements use it."""

from dataclasses import dataclass
from typing import ClassVar, assert_never
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from common.decider import Decider
from common.facts import Personal, Subject
from common.messages import PublishedEvent
from common.problems import Conflict, NotFound
from common.read_models import ReadModel, Stamp
from common.statements import Statement, Write


@dataclass(frozen=True)
class NoteWritten:
    type_name: ClassVar[str] = "example.note_written"

    note_id: UUID
    author_id: Subject
    title: str
    text: Personal[str]


@dataclass(frozen=True)
class NoteChanged:
    type_name: ClassVar[str] = "example.note_changed"

    note_id: UUID
    author_id: Subject
    text: Personal[str]


@dataclass(frozen=True)
class NoteBurnt:
    type_name: ClassVar[str] = "example.note_burnt"

    note_id: UUID


NoteEvent = NoteWritten | NoteChanged | NoteBurnt


@dataclass(frozen=True)
class WriteNote:
    note_id: UUID
    author_id: UUID
    title: str
    text: str


@dataclass(frozen=True)
class ChangeNote:
    note_id: UUID
    text: str


@dataclass(frozen=True)
class BurnNote:
    note_id: UUID


NoteCommand = WriteNote | ChangeNote | BurnNote


@dataclass(frozen=True)
class NoNote:
    pass


@dataclass(frozen=True)
class Note:
    note_id: UUID
    author_id: UUID
    title: str
    text: str


@dataclass(frozen=True)
class BurntNote:
    pass


NoteState = NoNote | Note | BurntNote


class TitleTaken(Conflict):
    """Another note has this title."""

    code = "title_taken"
    detail = "Another note has this title."


def decide(command: NoteCommand, state: NoteState) -> list[NoteEvent]:
    match command, state:
        case WriteNote(note_id, author_id, title, text), NoNote():
            return [NoteWritten(note_id, author_id, title, text)]
        case WriteNote(), _:
            raise Conflict
        case ChangeNote(_, text), Note(note_id, author_id, _, before):
            return [] if text == before else [NoteChanged(note_id, author_id, text)]
        case BurnNote(note_id), Note():
            return [NoteBurnt(note_id)]
        case BurnNote(), BurntNote():
            return []
        case _:
            raise NotFound


def evolve(state: NoteState, event: NoteEvent) -> NoteState:
    match event:
        case NoteWritten():
            return Note(event.note_id, event.author_id, event.title, event.text)
        case NoteChanged():
            assert isinstance(state, Note)
            return Note(state.note_id, state.author_id, state.title, event.text)
        case NoteBurnt():
            return BurntNote()
        case _:
            assert_never(event)


NOTE: Decider[NoteCommand, NoteState, NoteEvent] = Decider("note", NoNote(), decide, evolve)

notes = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("note_id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("title", name="notes_title"),
)
_INSERT = Statement(insert(notes))
_CHANGE = Statement(
    sa.update(notes)
    .where(notes.c.note_id == sa.bindparam("id"))
    .values(text=sa.bindparam("new_text"), version=sa.bindparam("new_version"))
)
_DELETE = Statement(sa.delete(notes).where(notes.c.note_id == sa.bindparam("id")))
ALL_NOTES = Statement(sa.select(notes).order_by(notes.c.note_id))


def project(event: NoteEvent, stamp: Stamp) -> list[Write]:
    id = event.note_id
    match event:
        case NoteWritten():
            row = {"note_id": id, "version": stamp.version, "title": event.title}
            return [Write(_INSERT, {**row, "text": event.text}, id)]
        case NoteChanged():
            change = {"id": id, "new_text": event.text, "new_version": stamp.version}
            return [Write(_CHANGE, change, id)]
        case NoteBurnt():
            return [Write(_DELETE, {"id": id}, id)]
        case _:
            assert_never(event)


NOTES = ReadModel(
    NoteEvent, project, {"notes_title": TitleTaken}, name="notes", tables=(notes,), version=1
)


class NoteShared(PublishedEvent):
    type_name: ClassVar[str] = "example.note_shared.v1"

    note_id: UUID
    author_id: Subject
    text: Personal[str]


class NoteGone(PublishedEvent):
    type_name: ClassVar[str] = "example.note_gone.v1"

    note_id: UUID


def publish(event: object) -> PublishedEvent | None:
    match event:
        case NoteWritten():
            return NoteShared(note_id=event.note_id, author_id=event.author_id, text=event.text)
        case NoteBurnt():
            return NoteGone(note_id=event.note_id)
        case _:
            return None
