"""One good example of each message of an export: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from cards.exports.commands import ExportCards
from cards.exports.events import CardsExported

EXPORT_ID = UUID("01990000-0000-7000-8000-00000000e001")
ADMIN_ID = UUID("01990000-0000-7000-8000-00000000a009")
AT = datetime(2026, 2, 2, 8, 15, tzinfo=UTC)

EXPORT_CARDS = ExportCards(EXPORT_ID, ADMIN_ID, "csv", AT)

EXPORTED = CardsExported(EXPORT_ID, ADMIN_ID, "csv", AT)

EVENTS = (EXPORTED,)
