"""When an account was erased, the copies of mails that a mailbox of ours holds go, too."""

from uuid import UUID

from common.event_store import Recorded
from common.mail import Mailer
from common.processors import Processor

from auth.accounts.events import AccountErased


def forget_mails_about_an_erased_account(mailer: Mailer) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, _: UUID) -> None:
        event: AccountErased = record.event
        await mailer.forget(event.account_id)

    return Processor("forget_mails_about_an_erased_account", AccountErased, act)
