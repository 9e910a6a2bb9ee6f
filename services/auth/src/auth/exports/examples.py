"""One good example of each message of an export: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from auth.exports.commands import ExportUsers
from auth.exports.events import UsersExported

EXPORT_ID = UUID("01990000-0000-7000-8000-00000000e001")
ADMIN_ID = UUID("01990000-0000-7000-8000-00000000a009")
AT = datetime(2026, 2, 2, 8, 15, tzinfo=UTC)

EXPORT_USERS = ExportUsers(EXPORT_ID, ADMIN_ID, "csv", AT)

EXPORTED = UsersExported(EXPORT_ID, ADMIN_ID, "csv", AT)

EVENTS = (EXPORTED,)
