"""A service that hears of the notes, as a real process: one row per effect, and nothing unique.

A doubled effect would be a second row; a lost one, none; a reversal shows in the rows' order. What
it hears of a burnt note also becomes a command on a log of its own.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid5

import sqlalchemy as sa

from common.clock import SystemClock
from common.feed import Feeds
from common.inbox import MessageView, Reaction, Received
from common.kernel import open_kernel_of
from common.messages import ConsumedEvent, Envelope
from common.observability import configure_logging
from common.settings import ServiceSettings
from common.statements import Statement, Write
from common.testing.example import NOTE, WriteNote
from common.testing.faults.crash_points import CrashPoints, with_crash_points
from common.testing.faults.notes_service import broker_of
from common.testing.kernel import EXAMPLE
from common.testing.reader import NoteGone, NoteShared
from common.worker import Worker, WorkerDeclaration, run_until_stopped

OBITUARIES = UUID("5f0e3a52-9f1e-4f0f-8a55-0c6c6a0d1f11")
AUTHOR = UUID("5f0e3a52-9f1e-4f0f-8a55-0c6c6a0d1f12")

effects = sa.table(
    "effects",
    sa.column("note_id", sa.Uuid),
    sa.column("version", sa.BigInteger),
    sa.column("what", sa.Text),
)
_INSERT = Statement(
    sa.insert(effects).values({c.name: sa.bindparam(c.name, type_=c.type) for c in effects.columns})
)


class NoteRetold(ConsumedEvent):
    """The note says something else now."""

    type_name: ClassVar[str] = "example.note_retold.v1"

    note_id: UUID
    text: str


def _effect(note_id: UUID, version: int, what: str) -> Write:
    values = {"note_id": note_id, "version": version, "what": what}
    return Write(_INSERT, values, note_id)


def _told(message: NoteShared | NoteRetold, envelope: Envelope) -> list[Write]:
    return [_effect(message.note_id, envelope.version, message.text)]


async def _gone(message: NoteGone, received: Received) -> None:
    """Note it, and write an obituary: a command whose id follows from the message."""
    row = _effect(message.note_id, received.envelope.version, "gone")
    await received.transaction.write([row])
    id = uuid5(OBITUARIES, str(message.note_id))
    command = WriteNote(id, AUTHOR, f"obituary of {message.note_id}", "gone")
    await received.commands.handle_in(received.transaction, NOTE, id, command, received.cause())


HANDLERS = (
    MessageView(NoteShared, _told),
    MessageView(NoteRetold, _told),
    Reaction(NoteGone, _gone),
)


def _nothing(_: object) -> None:
    """The obituaries stay inside."""


DECLARATION = replace(
    EXAMPLE,
    source=os.environ.get("READER_NAME", "reader"),
    publish=_nothing,
    migrations=Path(__file__).parent / "reader_migrations",
)


async def work(settings: ServiceSettings) -> None:
    """The worker."""
    points = CrashPoints.from_environment()
    feeds = Feeds(settings.internal_secret.get_secret_value(), settings.feeds)
    async with open_kernel_of(DECLARATION, settings) as opened:
        kernel = with_crash_points(opened, points)
        declaration = WorkerDeclaration(handlers=HANDLERS)
        broker = broker_of(settings, points)
        await Worker(kernel, declaration, broker, feeds, SystemClock()).run()


def main() -> None:
    """`python -m common.testing.faults.reader_service`."""
    settings = ServiceSettings.load()
    configure_logging(level=settings.log_level)
    run_until_stopped(lambda: work(settings))


if __name__ == "__main__":
    main()
