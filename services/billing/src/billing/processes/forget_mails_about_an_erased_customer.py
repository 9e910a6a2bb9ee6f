"""When a customer was erased, the copies of mails that a mailbox of ours holds go, too."""

from uuid import UUID

from common.event_store import Recorded
from common.mail import Mailer
from common.processors import Processor

from billing.customers.events import CustomerErased


def forget_mails_about_an_erased_customer(mailer: Mailer) -> Processor:
    """The processor of this rule."""

    async def act(record: Recorded, _: UUID) -> None:
        event: CustomerErased = record.event
        await mailer.forget(event.account_id)

    return Processor("forget_mails_about_an_erased_customer", CustomerErased, act)
