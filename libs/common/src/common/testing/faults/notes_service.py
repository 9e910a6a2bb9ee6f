"""The example aggregate as real processes: `python -m common.testing.faults.notes_service api`."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

from common.broker import Broker
from common.clock import SystemClock
from common.command_handling import Answer
from common.event_store import Cause
from common.facts import Personal, Subject
from common.feed import Feeds
from common.idempotency import RequestCause, answer_of
from common.kernel import Kernel, open_kernel_of
from common.kernel_service import create_kernel_service
from common.messages import PublishedEvent
from common.observability import configure_logging
from common.problems import NotFound
from common.rabbitmq import RabbitMQBroker
from common.read_models import ReadModel, Stamp
from common.service import etag, run_service
from common.settings import ServiceSettings
from common.statements import Statement, Write
from common.testing import example
from common.testing.example import NOTE, NOTES, BurnNote, ChangeNote, NoteCommand, WriteNote, notes
from common.testing.faults.crash_points import (
    CrashPoint,
    CrashPoints,
    broker_with_crash_points,
    with_crash_points,
)
from common.testing.kernel import EXAMPLE
from common.worker import Worker, WorkerDeclaration, run_until_stopped

DRAFT = "draft"
"""A text that begins with it stays private, so that public versions have gaps between them."""

POINTS = CrashPoints.from_environment()


class NoteRetold(PublishedEvent):
    """The note says something else now."""

    type_name: ClassVar[str] = "example.note_retold.v1"

    note_id: UUID
    author_id: Subject
    text: Personal[str]


def publish(event: object) -> PublishedEvent | None:
    """The example's messages, and changes that are no drafts."""
    if isinstance(event, example.NoteChanged):
        if event.text.startswith(DRAFT):
            return None
        return NoteRetold(note_id=event.note_id, author_id=event.author_id, text=event.text)
    return example.publish(event)


def _notes_model() -> ReadModel:
    """The read model; `NOTES_VERSION` makes another of it, which is built at the start."""
    return replace(NOTES, version=int(os.environ.get("NOTES_VERSION", "1")), project=_project)


def _project(event: example.NoteEvent, stamp: Stamp) -> list[Write]:
    POINTS.reach(CrashPoint.REBUILDING)
    return example.project(event, stamp)


DECLARATION = replace(EXAMPLE, publish=publish, projections=(_notes_model(),))

_NOTE = Statement(sa.select(notes).where(notes.c.note_id == sa.bindparam("note_id", type_=sa.Uuid)))

router = APIRouter(prefix="/notes")


async def _kernel(request: Request) -> Kernel:
    kernel: Kernel = request.app.state.notes
    return kernel


Notes = Annotated[Kernel, Depends(_kernel)]


class NewNote(BaseModel):
    """A note."""

    author_id: UUID
    title: str
    text: str


class NewText(BaseModel):
    """What a note says from now on."""

    text: str


@router.post("/{note_id}")
async def write_note(note_id: UUID, body: NewNote, cause: RequestCause, notes: Notes) -> Response:
    """Write a note under an id that the caller chose."""
    command = WriteNote(note_id, body.author_id, body.title, body.text)
    return await _handle(notes, note_id, command, cause, 201)


@router.patch("/{note_id}")
async def change_note(note_id: UUID, body: NewText, cause: RequestCause, notes: Notes) -> Response:
    """Let it say something else."""
    return await _handle(notes, note_id, ChangeNote(note_id, body.text), cause, 200)


@router.delete("/{note_id}")
async def burn_note(note_id: UUID, cause: RequestCause, notes: Notes) -> Response:
    """Burn it."""
    return await _handle(notes, note_id, BurnNote(note_id), cause, 200)


@router.get("/{note_id}")
async def show_note(note_id: UUID, notes: Notes) -> dict[str, Any]:
    """What it says."""
    row = await notes.database.fetch_one(_NOTE, note_id=note_id)
    if row is None:
        raise NotFound
    return {"text": row["text"], "version": row["version"]}


async def _handle(
    kernel: Kernel, note_id: UUID, command: NoteCommand, cause: Cause, status: int
) -> Response:
    def answer(_: object, version: int) -> Answer:
        return Answer(status, {"version": version}, {"ETag": etag(version)})

    return answer_of(await kernel.commands.handle(NOTE, note_id, command, cause, answer=answer))


def create_app(settings: ServiceSettings) -> FastAPI:
    """The API."""

    @asynccontextmanager
    async def resources(app: FastAPI, opened: Kernel) -> AsyncIterator[None]:
        app.state.notes = with_crash_points(opened, POINTS)
        yield

    return create_kernel_service(
        DECLARATION, settings=settings, routers=[router], resources=resources
    )


def broker_of(settings: ServiceSettings, points: CrashPoints) -> Broker:
    """RabbitMQ, on the exchange of this test."""
    exchange = os.environ["EXCHANGE"]
    url, partitions = settings.required_amqp_url, settings.partitions
    broker = RabbitMQBroker(url, partitions=partitions, exchange=exchange)
    return broker_with_crash_points(broker, points)


async def work(settings: ServiceSettings) -> None:
    """The worker: only a relay, since it listens to nobody."""
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with open_kernel_of(DECLARATION, settings) as opened:
        kernel = with_crash_points(opened, POINTS)
        broker = broker_of(settings, POINTS)
        await Worker(kernel, WorkerDeclaration(), broker, feeds, SystemClock()).run()


def main() -> None:
    """`api` or `worker`."""
    settings = ServiceSettings.load()
    configure_logging(level=settings.log_level)
    if sys.argv[1] == "api":
        run_service(lambda: create_app(settings), settings)
    else:
        run_until_stopped(lambda: work(settings))


if __name__ == "__main__":
    main()
