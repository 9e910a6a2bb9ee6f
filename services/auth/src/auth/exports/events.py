"""Who took a copy of all accounts; kept for ever, since a copy cannot be called back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

Format = Literal["json", "csv"]


@dataclass(frozen=True)
class UsersExported:
    """An administrator was given all accounts; noted before the first one is handed over."""

    type_name: ClassVar[str] = "auth.users_exported"

    export_id: UUID
    admin_id: UUID
    format: Format
    exported_at: datetime


ExportEvent = UsersExported
