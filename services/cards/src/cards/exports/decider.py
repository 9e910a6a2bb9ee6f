"""The rules of an export: pure."""

from dataclasses import dataclass

from common.decider import Decider

from cards.exports.commands import ExportCommand
from cards.exports.events import CardsExported, ExportEvent


@dataclass(frozen=True)
class NotExported:
    """Nothing was handed over."""


@dataclass(frozen=True)
class Exported:
    """All cards were handed over."""


ExportState = NotExported | Exported


def decide(command: ExportCommand, state: ExportState) -> list[ExportEvent]:
    """What follows from a command: it is noted once."""
    if isinstance(state, Exported):
        return []
    return [CardsExported(command.export_id, command.admin_id, command.format, command.now)]


def evolve(_: ExportState, __: ExportEvent) -> ExportState:
    """The state after one more event."""
    return Exported()


EXPORT: Decider[ExportCommand, ExportState, ExportEvent] = Decider(
    "export", NotExported(), decide, evolve
)
