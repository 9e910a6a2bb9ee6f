"""When somebody wants another address, a mail there asks whether it is theirs."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.addresses.decider import VERIFY_WITHIN
from auth.addresses.events import EmailChangeRequested
from auth.mails import Link, Mails


def ask_a_new_address_to_confirm(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: EmailChangeRequested = record.event
        link = Link("confirm", event.request_id, event.requested_at + VERIFY_WITHIN)
        await mails.send("confirm_new_address", event.account_id, key, link, to=event.email)

    return Processor("ask_a_new_address_to_confirm", EmailChangeRequested, act)
