"""What may be asked of an export."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cards.exports.events import Format


@dataclass(frozen=True)
class ExportCards:
    """Hand over all cards."""

    export_id: UUID
    admin_id: UUID
    format: Format
    now: datetime


ExportCommand = ExportCards
