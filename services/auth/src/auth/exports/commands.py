"""What may be asked of an export."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from auth.exports.events import Format


@dataclass(frozen=True)
class ExportUsers:
    """Hand over all accounts."""

    export_id: UUID
    admin_id: UUID
    format: Format
    now: datetime


ExportCommand = ExportUsers
