"""When somebody wants another address, a mail to the old one lets its reader stop or undo it."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.addresses.decider import UNDO_WITHIN
from auth.addresses.events import EmailChangeRequested
from auth.mails import Link, Mails


def let_the_old_address_object(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: EmailChangeRequested = record.event
        at = event.requested_at
        # it works that long at least: the days count from the confirmation, which comes later
        link = Link("undo", event.request_id, at + UNDO_WITHIN)
        to = event.current_email
        await mails.send("undo_address_change", event.account_id, key, link, at=at, to=to)

    return Processor("let_the_old_address_object", EmailChangeRequested, act)
