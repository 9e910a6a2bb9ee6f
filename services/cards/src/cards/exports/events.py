"""Who took a copy of all cards; kept for ever, since a copy cannot be called back."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

Format = Literal["json", "csv"]


@dataclass(frozen=True)
class CardsExported:
    """An administrator was given all cards; noted before the first one is handed over."""

    type_name: ClassVar[str] = "cards.cards_exported"

    export_id: UUID
    admin_id: UUID
    format: Format
    exported_at: datetime


ExportEvent = CardsExported
