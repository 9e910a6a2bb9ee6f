"""When somebody forgot their password, or took their account back, a mail offers a new one."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.accounts.decider import RESET_WITHIN
from auth.accounts.events import PasswordResetRequested
from auth.mails import Link, Mails


def send_a_link_to_reset_a_password(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: PasswordResetRequested = record.event
        link = Link("reset", event.request_id, event.requested_at + RESET_WITHIN)
        await mails.send("reset_password", event.account_id, key, link)

    return Processor("send_a_link_to_reset_a_password", PasswordResetRequested, act)
