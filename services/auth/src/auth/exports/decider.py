"""The rules of an export: pure."""

from dataclasses import dataclass

from common.decider import Decider

from auth.exports.commands import ExportCommand
from auth.exports.events import ExportEvent, UsersExported


@dataclass(frozen=True)
class NotExported:
    """Nothing was handed over."""


@dataclass(frozen=True)
class Exported:
    """All accounts were handed over."""


ExportState = NotExported | Exported


def decide(command: ExportCommand, state: ExportState) -> list[ExportEvent]:
    """What follows from a command: it is noted once."""
    if isinstance(state, Exported):
        return []
    return [UsersExported(command.export_id, command.admin_id, command.format, command.now)]


def evolve(_: ExportState, __: ExportEvent) -> ExportState:
    """The state after one more event."""
    return Exported()


EXPORT: Decider[ExportCommand, ExportState, ExportEvent] = Decider(
    "export", NotExported(), decide, evolve
)
