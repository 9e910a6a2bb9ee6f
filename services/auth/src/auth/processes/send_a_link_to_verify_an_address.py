"""When somebody asks for another link to confirm their address, a mail brings it."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.addresses.decider import VERIFY_WITHIN
from auth.addresses.events import EmailVerificationRequested
from auth.mails import Link, Mails


def send_a_link_to_verify_an_address(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: EmailVerificationRequested = record.event
        link = Link("verify", event.request_id, event.requested_at + VERIFY_WITHIN)
        await mails.send("verify_address", event.account_id, key, link)

    return Processor("send_a_link_to_verify_an_address", EmailVerificationRequested, act)
