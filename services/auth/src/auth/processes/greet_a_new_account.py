"""When somebody has opened an account, a mail greets them and asks to confirm the address."""

from uuid import UUID

from common.event_store import Recorded
from common.processors import Processor

from auth.accounts.events import AccountRegistered
from auth.addresses.decider import VERIFY_WITHIN
from auth.mails import Link, Mails


def greet_a_new_account(mails: Mails) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, key: UUID) -> None:
        event: AccountRegistered = record.event
        link = Link("verify", event.verification_id, event.registered_at + VERIFY_WITHIN)
        await mails.send("greeting", event.account_id, key, link)

    return Processor("greet_a_new_account", AccountRegistered, act)
