"""When a password was changed or reset, a mail tells its owner: it may have been somebody else."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.accounts.events import PasswordChanged, PasswordReset
from auth.mails import Link, Mails


def tell_of_a_changed_password(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: PasswordChanged | PasswordReset = record.event
        at = event.changed_at if isinstance(event, PasswordChanged) else event.reset_at
        await mails.send("password_changed", event.account_id, key, Link("reset"), at=at)

    return Processor("tell_of_a_changed_password", PasswordChanged | PasswordReset, act)
